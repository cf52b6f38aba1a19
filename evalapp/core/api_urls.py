"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.core.api import jobs

urlpatterns = [
    path("jobs/", jobs.JobsApi.as_view(), name="api-jobs"),
    path("jobs/<int:job_id>/", jobs.JobApi.as_view(), name="api-job"),
    path("jobs/<int:job_id>/cancel/", jobs.CancelJobApi.as_view(), name="api-job-cancel"),
    path("workers/", jobs.WorkersApi.as_view(), name="api-workers"),
    path("jobs/<int:job_id>/resume/", jobs.ResumeJobApi.as_view(), name="api-job-resume"),
]
