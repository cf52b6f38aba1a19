"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.voting import pages

urlpatterns: list[URLPattern] = [
    path("play/<slug:slug>/", pages.play, name="play"),
]
