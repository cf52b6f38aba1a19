"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.training import loop_pages, pages

urlpatterns = [
    path("play/<slug:slug>/taste/", pages.taste, name="taste"),
    path("lab/training/", loop_pages.runs, name="lab-training"),
    path("lab/training/schedules/<int:schedule_id>/pause/", loop_pages.pause, name="schedule-pause"),
    path("lab/training/schedules/<int:schedule_id>/resume/", loop_pages.resume, name="schedule-resume"),
    path("lab/training/<int:run_id>/", pages.run, name="training-run"),
    path("lab/training/<int:run_id>/lineage/", pages.lineage, name="training-lineage"),
]
