"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.search.api import (
    adoption,
    duplicates,
    feedback,
    index_experiments,
    indexes,
    lookups,
    photo_tags,
    recommendations,
)

urlpatterns = [
    path("search/<slug:slug>/photo/", lookups.PhotoLookupApi.as_view(), name="api-search-photo"),
    path("search/<slug:slug>/item/", lookups.ItemLookupApi.as_view(), name="api-search-item"),
    path("search/<slug:slug>/vector/", lookups.VectorLookupApi.as_view(), name="api-search-vector"),
    path("search/<slug:slug>/attributes/", lookups.AttributeLookupApi.as_view(), name="api-search-attributes"),
    path("search/<slug:slug>/feedback/", feedback.FeedbackApi.as_view(), name="api-search-feedback"),
    path(
        "catalogues/<slug:slug>/items/<path:key>/similar/",
        recommendations.SimilarApi.as_view(),
        name="api-similar",
    ),
    path("catalogues/<slug:slug>/duplicates/", duplicates.DuplicatesApi.as_view(), name="api-duplicates"),
    path("catalogues/<slug:slug>/photos/", photo_tags.TaggedPhotosApi.as_view(), name="api-photos"),
    path("catalogues/<slug:slug>/photos/<int:number>/", photo_tags.TaggedPhotoApi.as_view(), name="api-photo"),
    path("catalogues/<slug:slug>/photos/<int:number>/tags/", photo_tags.PhotoTagsApi.as_view(), name="api-photo-tag"),
    path("catalogues/<slug:slug>/tags/", photo_tags.TagsApi.as_view(), name="api-photo-tags"),
    path("studies/<slug:slug>/adopt/", adoption.AdoptApi.as_view(), name="api-adopt"),
    path("indexes/", indexes.IndexesApi.as_view(), name="api-indexes"),
    path("indexes/<slug:slug>/", indexes.IndexApi.as_view(), name="api-index"),
    path("indexes/<slug:slug>/build/", indexes.IndexBuildApi.as_view(), name="api-index-build"),
    path(
        "indexes/<slug:slug>/experiments/",
        index_experiments.IndexExperimentsApi.as_view(),
        name="api-index-experiments",
    ),
    path("indexes/<slug:slug>/live-test/", indexes.LiveTestApi.as_view(), name="api-live-test"),
    path("indexes/<slug:slug>/go-back/", indexes.IndexRollbackApi.as_view(), name="api-index-go-back"),
]
