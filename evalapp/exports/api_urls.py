"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.exports import api

urlpatterns: list[URLPattern] = [
    path("exports/", api.ExportsApi.as_view(), name="api-exports"),
    path("exports/<int:export_id>/", api.ExportApi.as_view(), name="api-export"),
]
