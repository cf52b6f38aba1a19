"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.voting import offline, pages

urlpatterns: list[URLPattern] = [
    path("play/<slug:slug>/", pages.play, name="play"),
    path("service-worker.js", offline.service_worker, name="service-worker"),
    path("manifest.webmanifest", offline.manifest, name="manifest"),
]
