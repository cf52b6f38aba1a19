"""Training runs and what was seen of them while they ran."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from evalapp.contenders.models import EmbeddingModel
from evalapp.core.domain.job_targets import target_of
from evalapp.core.models import Job, JobState
from evalapp.studies.models import Study
from evalapp.voting.models import Voter


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
        return target_of("training", self.pk)

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


class LoopState(models.TextChoices):
    """State of one turn of the loop; the last four are final."""

    TRAINING = "training"
    COMPUTING = "computing"
    READY = "ready"
    VOTING = "voting"
    PROMOTED = "promoted"
    KEPT = "kept"
    STOPPED = "stopped"
    FAILED = "failed"


LIVE_LOOPS = (LoopState.TRAINING, LoopState.COMPUTING, LoopState.READY, LoopState.VOTING)


class Schedule(models.Model):
    """Turns of the loop that begin by themselves: every so many days, or after so many votes, whatever comes first.

    `study` is the latest round; it moves on with every turn. A turn whose guard falls ends the schedule.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="schedules")
    name = models.CharField(max_length=60, help_text="The encoders are called NAME-g1, NAME-g2 …")
    recipe = models.CharField(max_length=40, default="adapter")
    config = models.JSONField(default=dict, blank=True)
    sources = models.JSONField(default=list, blank=True, help_text="`MODEL.TAP` of the base; empty: of the study.")
    every_days = models.PositiveIntegerField(null=True, blank=True)
    every_votes = models.PositiveIntegerField(null=True, blank=True)
    opens = models.BooleanField(default=True, help_text="Whether the next round opens by itself.")
    enabled = models.BooleanField(default=True)
    stopped_because = models.CharField(max_length=300, blank=True)
    votes_learnt = models.PositiveIntegerField(default=0, help_text="Votes there were when the last turn began.")
    turns = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("study", "pk")

    def __str__(self) -> str:
        return f"{self.name} of {self.study}"

    def stop(self, reason: str) -> None:
        """No turn begins by itself any more, for this reason."""
        Schedule.objects.filter(pk=self.pk).update(enabled=False, stopped_because=reason[:300])

    @property
    def how_often(self) -> str:
        """In words: `every 2,000 votes or 7 days`."""
        parts = [(self.every_votes, "vote"), (self.every_days, "day")]
        words = [f"{number:,} {unit}{'s' if number != 1 else ''}" for number, unit in parts if number]
        return f"every {' or '.join(words)}"


class Retraining(models.Model):
    """One turn of the loop: the votes of `study` to an encoder to the round in which it meets its parents."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="retrainings")
    run = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="retraining")
    following = models.ForeignKey(
        Study, on_delete=models.SET_NULL, null=True, blank=True, related_name="promotes", help_text="The next round."
    )
    schedule = models.ForeignKey(Schedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="retrainings")
    contender = models.CharField(max_length=180, blank=True, help_text="The child's name in the next round.")
    opens = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=LoopState.choices, default=LoopState.TRAINING)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.run} from {self.study}"


class VoterTaste(models.Model):
    """What a run of the recipe `taste` learnt of one voter, and what it shows them. Gone when they are forgotten."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="tastes")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="tastes")
    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="tastes")
    weights = models.JSONField(help_text="By the name of the block: how much more than everybody they go by it.")
    votes = models.PositiveIntegerField(help_text="Votes that it was learnt from.")
    matches = models.JSONField(default=list, help_text="[query key, [candidate keys]], nearest first.")
    switched_off = models.BooleanField(default=False)

    class Meta:
        ordering = ("-run",)
        constraints = [models.UniqueConstraint(fields=("run", "voter"), name="one_taste_per_run")]

    def __str__(self) -> str:
        return f"taste of {self.voter_id}"
