"""Long work as rows, a job and the chunks it is cut into; and who did what."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class JobState(models.TextChoices):
    """State of a job or chunk. A chunk is never `done with errors` or `cancelled` while it runs."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    DONE_WITH_ERRORS = "done with errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = (JobState.DONE, JobState.DONE_WITH_ERRORS, JobState.FAILED, JobState.CANCELLED)


class Job(models.Model):
    """One long work. `kind` names the plan that knows its stages; `target` says what it is about."""

    kind = models.CharField(max_length=40)
    target = models.CharField(max_length=200, help_text="For example `study:12`.")
    state = models.CharField(max_length=20, choices=JobState.choices, default=JobState.PENDING)
    stage = models.CharField(max_length=40, blank=True)
    unit = models.CharField(max_length=40, blank=True, help_text="What the stage counts: pictures, queries …")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    nudged_at = models.DateTimeField(default=timezone.now, help_text="When a worker was last told of it.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            # Asking twice for the same work joins the work that is under way.
            models.UniqueConstraint(
                fields=("kind", "target"),
                condition=models.Q(state__in=[JobState.PENDING, JobState.RUNNING]),
                name="one_live_job_per_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in FINAL_STATES


class Chunk(models.Model):
    """A piece of a job that one worker does in one go and that may be done again without harm."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    stage = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    arguments = models.JSONField(default=dict)
    size = models.PositiveIntegerField(default=1, help_text="Units of progress: pictures, queries …")
    state = models.CharField(max_length=20, choices=JobState.choices, default=JobState.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0)
    claim = models.PositiveIntegerField(default=0, help_text="Grows with every claim and never starts again.")
    worker = models.CharField(max_length=200, blank=True, help_text="Who claimed it last.")
    begun_at = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    faults = models.JSONField(default=list, help_text="What was left out and why, as [thing, reason] pairs.")

    class Meta:
        ordering = ("job", "stage", "number")
        constraints = [
            models.UniqueConstraint(fields=("job", "stage", "number"), name="one_chunk_per_number"),
        ]
        indexes = [
            # The sweep looks only at chunks that somebody is said to work on.
            models.Index(fields=("heartbeat",), condition=models.Q(state=JobState.RUNNING), name="running_chunks"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.stage}/{self.number}"


class Worker(models.Model):
    """A process that takes work, as it said itself when it was last seen."""

    name = models.CharField(max_length=200, unique=True, help_text="Host and process.")
    queues = models.CharField(max_length=200)
    device = models.CharField(max_length=200)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


LONGEST_WHO, LONGEST_DEED = 150, 300


class Deed(models.Model):
    """Who did what, on what, when. Rows are only added: a trigger refuses to change or delete one."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    who = models.CharField(max_length=LONGEST_WHO, blank=True, help_text="Empty where nobody asked for it.")
    door = models.CharField(max_length=10, help_text="Page, API or command; `itself` where nobody asked for it.")
    what = models.CharField(max_length=60)
    target = models.CharField(max_length=LONGEST_DEED, help_text="For example `study autumn`.")
    detail = models.CharField(max_length=LONGEST_DEED, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.who or self.door} {self.what} {self.target}"
