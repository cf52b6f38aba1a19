"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.studies.api import flags, operators, visitors

urlpatterns = [
    path("studies/", visitors.StudiesApi.as_view(), name="api-studies"),
    path("studies/<slug:slug>/", visitors.StudyApi.as_view(), name="api-study"),
    path("studies/<slug:slug>/details/", operators.StudyDetailsApi.as_view(), name="api-study-details"),
    path("studies/<slug:slug>/precompute/", operators.PrecomputeApi.as_view(), name="api-study-precompute"),
    path("studies/<slug:slug>/open/", operators.OpenStudyApi.as_view(), name="api-study-open"),
    path("studies/<slug:slug>/close/", operators.CloseStudyApi.as_view(), name="api-study-close"),
    path("studies/<slug:slug>/scores/", operators.ScoresApi.as_view(), name="api-study-scores"),
    path(
        "studies/<slug:slug>/contenders/archive/", operators.ArchiveContenderApi.as_view(), name="api-contender-archive"
    ),
    path("studies/<slug:slug>/flags/", flags.PairFlagsApi.as_view(), name="api-pair-flags"),
    path("studies/<slug:slug>/rounds/", operators.RoundsApi.as_view(), name="api-rounds"),
]
