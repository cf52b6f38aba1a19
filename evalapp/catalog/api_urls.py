"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.catalog import api, flags_api

urlpatterns = [
    path("catalogues/", api.CataloguesApi.as_view(), name="api-catalogues"),
    path("catalogues/<slug:slug>/", api.CatalogueApi.as_view(), name="api-catalogue"),
    path("catalogues/<slug:slug>/items/", api.ItemsApi.as_view(), name="api-items"),
    path("catalogues/<slug:slug>/flags/", flags_api.FlagsApi.as_view(), name="api-flags"),
]
