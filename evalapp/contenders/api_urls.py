"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.contenders.api import examinations, maps, models, regions, storage

urlpatterns = [
    path("regions/", regions.RegionsApi.as_view(), name="api-regions"),
    path("models/", models.ModelsApi.as_view(), name="api-models"),
    path("models/<str:name>/", models.ModelApi.as_view(), name="api-model"),
    path("models/<str:name>/preprocessing/", models.PreprocessingApi.as_view(), name="api-model-preprocessing"),
    path("registrations/<int:registration_id>/", models.RegistrationApi.as_view(), name="api-registration"),
    path("storage/", storage.StorageApi.as_view(), name="api-storage"),
    path("examinations/", examinations.ExaminationsApi.as_view(), name="api-examinations"),
    path("examinations/<int:examination_id>/", examinations.ExaminationApi.as_view(), name="api-examination"),
    path("maps/", maps.MapsApi.as_view(), name="api-maps"),
    path("maps/<int:map_id>/", maps.MapApi.as_view(), name="api-map"),
]
