"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.studies import api

urlpatterns = [
    path("studies/", api.StudiesApi.as_view(), name="api-studies"),
    path("studies/<slug:slug>/", api.StudyApi.as_view(), name="api-study"),
]
