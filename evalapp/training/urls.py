"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.training.pages import comparisons, labels, loop, runs, snapshots

urlpatterns = [
    path("play/<slug:slug>/taste/", runs.taste_page, name="taste"),
    path("lab/training/", loop.loop_page, name="lab-training"),
    path("lab/training/schedules/<int:schedule_id>/pause/", loop.pause_turns, name="schedule-pause"),
    path("lab/training/schedules/<int:schedule_id>/resume/", loop.resume_turns, name="schedule-resume"),
    path("lab/training/labels/", labels.labels_page, name="lab-training-labels"),
    path("lab/training/labels/compare/", comparisons.compare_page, name="lab-training-compare"),
    path("lab/training/labels/costs/", comparisons.weigh_encoders, name="lab-training-costs"),
    path("lab/training/snapshots/", snapshots.snapshots_page, name="lab-training-snapshots"),
    path("lab/training/<int:run_id>/snapshot/", snapshots.pack_snapshot, name="training-snapshot"),
    path("lab/training/<int:run_id>/snapshot.zip", snapshots.send_snapshot, name="training-snapshot-zip"),
    path("lab/training/<int:run_id>/walk.png", labels.send_walk, name="training-walk"),
    path("lab/training/<int:run_id>/checkpoint/", labels.pack_checkpoint, name="training-checkpoint"),
    path("lab/training/<int:run_id>/checkpoint.zip", labels.send_checkpoint, name="training-checkpoint-zip"),
    path("lab/training/<int:run_id>/", runs.run_page, name="training-run"),
    path("lab/training/<int:run_id>/lineage/", runs.lineage_page, name="training-lineage"),
]
