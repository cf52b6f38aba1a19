"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.contenders import pages

urlpatterns: list[URLPattern] = [
    path("lab/models/", pages.models, name="lab-models"),
]
