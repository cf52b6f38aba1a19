"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.training import pages

urlpatterns = [
    path("play/<slug:slug>/taste/", pages.taste, name="taste"),
    path("lab/training/", pages.runs, name="lab-training"),
    path("lab/training/<int:run_id>/", pages.run, name="training-run"),
    path("lab/training/<int:run_id>/lineage/", pages.lineage, name="training-lineage"),
]
