"""Training runs and what was seen of them while they ran."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from evalapp.contenders.models import EmbeddingModel
from evalapp.core.models import Job, JobState


class TrainingRun(models.Model):
    """One run of a recipe. Its job says where it stands; `model` is there once it has succeeded."""

    name = models.CharField(max_length=80, help_text="What the new encoder is called.")
    recipe = models.CharField(max_length=40)
    config = models.JSONField(default=dict, help_text="Every setting of the recipe, also those nobody set.")
    data = models.CharField(max_length=80, help_text="`catalogue:ID` or `study:ID`.")
    seed = models.BigIntegerField(default=0)
    parent = models.ForeignKey(EmbeddingModel, on_delete=models.PROTECT, related_name="trained_from_it")
    parent_tap = models.CharField(max_length=80)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    model = models.OneToOneField(
        EmbeddingModel, on_delete=models.PROTECT, null=True, blank=True, related_name="training_run"
    )
    metrics = models.JSONField(default=dict, blank=True)
    card = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.name

    @property
    def target(self) -> str:
        """What its job is about."""
        return f"training:{self.pk}"

    @property
    def workdir(self) -> Path:
        """Where the worker keeps checkpoints, curves and the encoder; on the disk that workers share."""
        return Path(settings.TRAINING_DIR) / str(self.pk)

    @property
    def state(self) -> str:
        """The state of its job; a run whose job was cleared away is done if it has a model."""
        if self.job is not None:
            return self.job.state
        return JobState.DONE if self.model_id is not None else JobState.CANCELLED


class Epoch(models.Model):
    """One epoch of one part of a run, as the worker reported it: a point of every curve, and a map."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="epochs")
    part = models.CharField(max_length=40, blank=True, help_text="What is trained, where a recipe trains several.")
    epoch = models.PositiveIntegerField()
    epochs = models.PositiveIntegerField(help_text="So many at most.")
    values = models.JSONField(default=dict, help_text="Loss and measures by name.")
    points = models.JSONField(default=list, help_text="Places of validation pictures, as [key, x, y].")

    class Meta:
        ordering = ("run", "part", "epoch")
        constraints = [models.UniqueConstraint(fields=("run", "part", "epoch"), name="one_row_per_epoch")]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.part}/{self.epoch}"
