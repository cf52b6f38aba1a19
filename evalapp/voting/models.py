"""Voters, exposures and votes."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from evalapp.studies.models import Pair, Study


class Voter(models.Model):
    """A pseudonymous visitor, known by a signed cookie and by nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.pk)


class ExposureKind(models.TextChoices):
    """Why a pair was shown."""

    STUDY = "study"
    GOLD = "gold"
    REPEAT = "repeat"
    CONTROL = "control"


class Answer(models.TextChoices):
    """What can be said to a pair. Only the first two are verdicts."""

    DOPE = "dope"
    NOPE = "nope"
    SKIP = "skip"
    REPORT = "report"


class Side(models.TextChoices):
    """Where the query stood."""

    LEFT = "left"
    RIGHT = "right"


class Exposure(models.Model):
    """One pair put before one voter. `token` is random; what leaves the server is its signed form."""

    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="exposures")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="exposures")
    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="exposures")
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=ExposureKind.choices, default=ExposureKind.STUDY)
    propensity = models.FloatField(help_text="The probability with which this pair was drawn.")
    side = models.CharField(max_length=5, choices=Side.choices, default=Side.LEFT)
    served_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # A voter never sees a pair twice, save for planned repeats.
            models.UniqueConstraint(
                fields=("voter", "pair"), condition=~models.Q(kind="repeat"), name="one_exposure_per_voter"
            ),
        ]
        indexes = [models.Index(fields=("voter", "study", "answered_at"), name="exposures_of_voter")]

    def __str__(self) -> str:
        return str(self.token)


class Vote(models.Model):
    """The answer to one exposure. Never deleted: one that must not count is marked with the reason."""

    exposure = models.ForeignKey(Exposure, on_delete=models.CASCADE, related_name="votes")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="votes")
    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="votes")
    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="votes")
    verdict = models.CharField(max_length=6, choices=Answer.choices)
    response_ms = models.PositiveIntegerField(null=True, blank=True)
    client_id = models.CharField(max_length=64, blank=True, help_text="The sender's own name for this answer.")
    counted = models.BooleanField(default=True)
    void_reason = models.CharField(max_length=40, blank=True)
    simulated = models.BooleanField(default=False)
    voted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # The law behind exactly-once: one answer stands per exposure; those taken back stay as rows.
            models.UniqueConstraint(
                fields=("exposure",), condition=~models.Q(void_reason="undone"), name="one_vote_per_exposure"
            ),
        ]
        indexes = [
            models.Index(fields=("voter", "study", "-voted_at"), name="votes_of_voter"),
            models.Index(fields=("study", "id"), name="votes_of_study"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} on {self.pair_id}"
