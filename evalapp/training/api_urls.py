"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.training.api import results, schedules, snapshots, training_runs

urlpatterns = [
    path("training-runs/", training_runs.TrainingRunsApi.as_view(), name="api-training-runs"),
    path("training-runs/compare/", results.CompareApi.as_view(), name="api-backbones"),
    path("training-runs/sweep/", results.SweepApi.as_view(), name="api-sweep"),
    path("training-runs/costs/", results.CostsApi.as_view(), name="api-costs"),
    path("training-runs/<int:run_id>/walk/", results.WalkApi.as_view(), name="api-walk"),
    path("training-runs/<int:run_id>/snapshot/", snapshots.RunSnapshotApi.as_view(), name="api-run-snapshot"),
    path("training-snapshots/", snapshots.TrainingSnapshotsApi.as_view(), name="api-training-snapshots"),
    path("training-runs/<int:run_id>/checkpoint/", results.CheckpointApi.as_view(), name="api-checkpoint"),
    path("training-runs/<int:run_id>/", training_runs.TrainingRunApi.as_view(), name="api-training-run"),
    path("schedules/", schedules.SchedulesApi.as_view(), name="api-schedules"),
    path("schedules/<int:schedule_id>/", schedules.ScheduleApi.as_view(), name="api-schedule"),
]
