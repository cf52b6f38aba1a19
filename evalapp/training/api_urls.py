"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.training import api, schedules_api

urlpatterns = [
    path("training-runs/", api.TrainingRunsApi.as_view(), name="api-training-runs"),
    path("training-runs/<int:run_id>/", api.TrainingRunApi.as_view(), name="api-training-run"),
    path("schedules/", schedules_api.SchedulesApi.as_view(), name="api-schedules"),
    path("schedules/<int:schedule_id>/", schedules_api.ScheduleApi.as_view(), name="api-schedule"),
]
