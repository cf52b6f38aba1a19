"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.contenders.pages import examinations, maps, models, storage

urlpatterns: list[URLPattern] = [
    path("lab/models/", models.list_models, name="lab-models"),
    path("lab/model-new/", models.new_model, name="lab-model-new"),
    path("lab/region-new/", models.new_region, name="lab-region-new"),
    path("lab/registrations/<int:registration_id>/", models.show_registration, name="lab-registration"),
    path("lab/models/<str:name>/", models.show_model, name="lab-model"),
    path("lab/models/<str:name>/change/", models.change_model, name="lab-model-change"),
    path("lab/storage/", storage.show_storage, name="lab-storage"),
    path("lab/storage/prune/", storage.prune_storage, name="lab-storage-prune"),
    path("lab/examinations/", examinations.list_examinations, name="lab-examinations"),
    path("lab/examinations/new/", examinations.new_examination, name="lab-examination-new"),
    path("lab/examinations/<int:examination_id>/", examinations.show_examination, name="lab-examination"),
    path("lab/maps/", maps.list_maps, name="lab-maps"),
    path("lab/maps/new/", maps.new_map, name="lab-map-new"),
    path("lab/maps/<int:map_id>/", maps.one_map, name="lab-map"),
    path("lab/maps/<int:map_id>/points.json", maps.list_points, name="lab-map-points"),
]
