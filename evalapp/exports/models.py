"""Exports that were asked for."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from evalapp.core.domain.job_targets import target_of
from evalapp.core.models import Job
from evalapp.studies.models import Study


class Export(models.Model):
    """A frozen set of files, as one archive. The job says how far it is; `file` is empty until it is whole."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=10)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.CharField(max_length=60, blank=True, help_text="Name in the folder of exports.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    sha256 = models.CharField(max_length=64, blank=True)
    manifest = models.JSONField(default=dict)
    rows_expected = models.PositiveBigIntegerField(default=0)
    rows_written = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.study} as {self.format}"

    @property
    def target(self) -> str:
        """What its job is about."""
        return target_of("export", self.pk)

    @property
    def is_whole(self) -> bool:
        """Whether it can be downloaded."""
        return bool(self.file)
