"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.leaderboard import api

urlpatterns: list[URLPattern] = [
    path("studies/<slug:slug>/leaderboard/", api.LeaderboardApi.as_view(), name="api-leaderboard"),
    path("studies/<slug:slug>/snapshots/", api.SnapshotsApi.as_view(), name="api-snapshots"),
]
