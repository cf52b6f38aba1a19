"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.training.pages import comparisons, labels, loop, runs, snapshots

urlpatterns = [
    path("play/<slug:slug>/taste/", runs.taste, name="taste"),
    path("lab/training/", loop.runs, name="lab-training"),
    path("lab/training/schedules/<int:schedule_id>/pause/", loop.pause, name="schedule-pause"),
    path("lab/training/schedules/<int:schedule_id>/resume/", loop.resume, name="schedule-resume"),
    path("lab/training/labels/", labels.learn, name="lab-training-labels"),
    path("lab/training/labels/compare/", comparisons.compare, name="lab-training-compare"),
    path("lab/training/labels/costs/", comparisons.weigh, name="lab-training-costs"),
    path("lab/training/snapshots/", snapshots.snapshots, name="lab-training-snapshots"),
    path("lab/training/<int:run_id>/snapshot/", snapshots.pack, name="training-snapshot"),
    path("lab/training/<int:run_id>/snapshot.zip", snapshots.packed, name="training-snapshot-zip"),
    path("lab/training/<int:run_id>/walk.png", labels.walk, name="training-walk"),
    path("lab/training/<int:run_id>/checkpoint/", labels.pack, name="training-checkpoint"),
    path("lab/training/<int:run_id>/checkpoint.zip", labels.packed, name="training-checkpoint-zip"),
    path("lab/training/<int:run_id>/", runs.run, name="training-run"),
    path("lab/training/<int:run_id>/lineage/", runs.lineage, name="training-lineage"),
]
