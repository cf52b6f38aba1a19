"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.catalog.api import catalogues, imports, item_flags, triplets

urlpatterns = [
    path("catalogues/", catalogues.CataloguesApi.as_view(), name="api-catalogues"),
    path("catalogues/<slug:slug>/", catalogues.CatalogueApi.as_view(), name="api-catalogue"),
    path("catalogues/<slug:slug>/imports/", imports.ImportsApi.as_view(), name="api-imports"),
    path("catalogues/<slug:slug>/triplets/", triplets.TripletQueueApi.as_view(), name="api-triplet-queue"),
    path(
        "catalogues/<slug:slug>/triplets/decisions/",
        triplets.TripletDecisionsApi.as_view(),
        name="api-triplet-decisions",
    ),
    path("imports/<int:import_id>/", imports.ImportApi.as_view(), name="api-import"),
    path("catalogues/<slug:slug>/items/", catalogues.ItemsApi.as_view(), name="api-items"),
    path("catalogues/<slug:slug>/items/withdraw/", catalogues.WithdrawApi.as_view(), name="api-withdraw"),
    path("catalogues/<slug:slug>/flags/", item_flags.FlagsApi.as_view(), name="api-flags"),
]
