"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.core.api.metrics import MetricsApi
from evalapp.core.pages import deeds, health, installation, jobs, languages, probes

urlpatterns = [
    path("healthz", probes.healthz),
    path("livez", probes.livez),
    path("readyz", probes.readyz),
    path("metrics", MetricsApi.as_view(), name="metrics"),
    path("language/", languages.choose_language, name="language"),
    path("lab/deeds/", deeds.show_deeds, name="lab-deeds"),
    path("lab/installation/", installation.show_installation, name="lab-installation"),
    path("lab/installation/operators/add/", installation.add_operator, name="operator-add"),
    path("lab/installation/operators/<int:user_id>/token/", installation.renew_token, name="operator-token"),
    path("lab/installation/backups/add/", installation.add_backup, name="backup-add"),
    path("lab/installation/backups/<str:name>/download/", installation.download_backup, name="backup-download"),
    path("lab/installation/backups/<str:name>/remove/", installation.remove_backup, name="backup-remove"),
    path("lab/health/", health.show_health, name="lab-health"),
    path("lab/jobs/", jobs.list_jobs, name="lab-jobs"),
    path("lab/jobs/<int:job_id>/", jobs.show_job, name="job"),
    path("lab/jobs/<int:job_id>/cancel/", jobs.cancel_job, name="job-cancel"),
    path("lab/jobs/<int:job_id>/resume/", jobs.resume_job, name="job-resume"),
]
