"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.studies.api import flags, measures, operators, starts, visitors

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
    path("studies/<slug:slug>/flags/reports/", flags.ReportsApi.as_view(), name="api-reports"),
    path("studies/<slug:slug>/copy/", operators.CopyStudyApi.as_view(), name="api-study-copy"),
    path("studies/<slug:slug>/robustness/", measures.RobustnessApi.as_view(), name="api-robustness"),
    path("studies/<slug:slug>/triplets/", measures.TripletsApi.as_view(), name="api-triplets"),
    path("starts/", starts.StartsApi.as_view(), name="api-starts"),
    path("starts/<int:start_id>/", starts.StartApi.as_view(), name="api-start"),
    path("matters/", starts.MattersApi.as_view(), name="api-matters"),
    path("studies/<slug:slug>/rounds/", operators.RoundsApi.as_view(), name="api-rounds"),
]
