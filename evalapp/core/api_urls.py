"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.core.api import health, installation, jobs

urlpatterns = [
    path("doctor/", health.DoctorApi.as_view(), name="api-doctor"),
    path("operators/", installation.OperatorsApi.as_view(), name="api-operators"),
    path("backups/", installation.BackupsApi.as_view(), name="api-backups"),
    path("backups/<str:name>/", installation.BackupApi.as_view(), name="api-backup"),
    path("backups/<str:name>/download/", installation.DownloadBackupApi.as_view(), name="api-backup-download"),
    path("jobs/", jobs.JobsApi.as_view(), name="api-jobs"),
    path("jobs/<int:job_id>/", jobs.JobApi.as_view(), name="api-job"),
    path("jobs/<int:job_id>/cancel/", jobs.CancelJobApi.as_view(), name="api-job-cancel"),
    path("workers/", jobs.WorkersApi.as_view(), name="api-workers"),
    path("jobs/<int:job_id>/resume/", jobs.ResumeJobApi.as_view(), name="api-job-resume"),
]
