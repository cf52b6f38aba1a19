"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.leaderboard import pages

urlpatterns: list[URLPattern] = [
    path("leaderboard/<slug:slug>/", pages.leaderboard, name="leaderboard"),
]
