"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.core import languages, pages
from evalapp.core.api.metrics import MetricsApi

urlpatterns = [
    path("healthz", pages.healthz),
    path("metrics", MetricsApi.as_view(), name="metrics"),
    path("language/", languages.choose_language, name="language"),
    path("lab/jobs/", pages.jobs, name="lab-jobs"),
    path("lab/jobs/<int:job_id>/", pages.job, name="job"),
    path("lab/jobs/<int:job_id>/cancel/", pages.cancel_job, name="job-cancel"),
    path("lab/jobs/<int:job_id>/resume/", pages.resume_job, name="job-resume"),
]
