"""What is kept of the board: snapshots of it, the moments promised beforehand, and the last report."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from evalapp.studies.models import Study


class Snapshot(models.Model):
    """The board as it was: the document of `leaderboard --json`, the counting rules' version, and when.

    Never changed and never deleted. `declared` snapshots were promised before their moment came and may therefore bear
    ordinary fixed-time intervals beside the ones that hold at every moment.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="snapshots")
    made_at = models.DateTimeField(default=timezone.now)
    method_version = models.CharField(max_length=20)
    declared = models.BooleanField(default=False)
    votes = models.PositiveBigIntegerField(help_text="Verdicts that counted at that moment.")
    document = models.JSONField()

    class Meta:
        ordering = ("study", "pk")
        indexes = [models.Index(fields=("study", "made_at"), name="snapshots_of_study")]

    def __str__(self) -> str:
        return f"{self.study_id} after {self.votes} votes"


class Appointment(models.Model):
    """A snapshot promised beforehand, for `due_at`, whatever the votes then say; it is never withdrawn."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="appointments")
    due_at = models.DateTimeField()
    declared_at = models.DateTimeField(default=timezone.now)
    snapshot = models.OneToOneField(
        Snapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="appointment"
    )

    class Meta:
        ordering = ("due_at", "pk")
        constraints = [
            models.UniqueConstraint(fields=("study", "due_at"), name="one_appointment_per_moment"),
            models.CheckConstraint(
                condition=models.Q(due_at__gt=models.F("declared_at")), name="declared_before_it_is_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study_id} at {self.due_at:%Y-%m-%d %H:%M}"


class Report(models.Model):
    """What takes longer than a glance (categories, examples, agreement, robustness), as it was last computed."""

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="report")
    made_at = models.DateTimeField(default=timezone.now)
    version = models.CharField(
        max_length=64, help_text="What it was computed from; another version asks for a new one."
    )
    document = models.JSONField()

    def __str__(self) -> str:
        return f"report of {self.study_id}"
