"""What is kept of the board: its sums, snapshots of it, the moments promised beforehand, the last report, and what was
published of it while people vote."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from evalapp.studies.models import Contender, Study
from evalapp.voting.models import Voter


class Snapshot(models.Model):
    """The board as it was: the document of `leaderboard --json` with the software that made it, and when.

    Never changed, and deleted only by age where SNAPSHOTS_KEPT_DAYS says so. `declared` snapshots were promised before
    their moment came and may therefore bear ordinary fixed-time intervals beside the ones that hold at every moment.
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


class PublishedBoard(models.Model):
    """The board as everybody but operators reads it while the study is open: one row for each step of many votes.

    It is cut first and published later, when others have voted after it; `cut_vote` is the newest vote that was there.
    All numbers in the documents are rounded. Never changed after it was published, and never deleted.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="published_boards", db_index=False)
    cut_vote = models.BigIntegerField()
    cut_votes = models.PositiveBigIntegerField(help_text="Verdicts that counted when it was cut, not rounded.")
    published_at = models.DateTimeField(null=True, blank=True)
    method_version = models.CharField(max_length=20)
    document = models.JSONField()
    duels = models.JSONField()
    report = models.JSONField(default=dict)

    class Meta:
        ordering = ("study", "pk")
        indexes = [models.Index(fields=("study", "id"), name="published_boards_of_study")]

    def __str__(self) -> str:
        return f"published board of {self.study_id}"

    @property
    def made_at(self) -> datetime | None:
        """When it was published: when it was cut is told to nobody."""
        return self.published_at

    @property
    def votes(self) -> int:
        """Verdicts that counted, rounded."""
        return int(self.document["votes"])

    @property
    def declared(self) -> bool:
        """Its moment was promised to nobody beforehand."""
        return False


class BoardState(models.Model):
    """A study's sums over `contenders`, packed (see `codec`): adding votes reads and writes this row, not old votes.

    Votes up to `settled_vote`, and corrections up to `settled_correction`, are in the sums for good. Later ones are
    looked at again, since a transaction may still commit one with a lower id; `marked_*` will be settled as soon as
    all transactions before `marked_xid` have ended. The winner, and the `marks` of what is shown, outlive the sums.
    """

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="board_state")
    contenders = ArrayField(models.BigIntegerField(), help_text="Ids, in the order of the sums.")
    eras = models.PositiveSmallIntegerField(default=1)
    evidence = models.BinaryField()
    queries = models.BinaryField(help_text="Votes and likes by the query's position.")
    raw = models.BinaryField(help_text="Likes and mass per contender, votes set aside among them.")
    simulated = models.BigIntegerField(default=0)
    format = models.PositiveSmallIntegerField(
        default=1, help_text="Of the packed sums; those of another format are added anew."
    )
    winner = models.ForeignKey(Contender, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_kind = models.CharField(max_length=20, blank=True, help_text="What the winner was declared as.")
    decided_votes = models.BigIntegerField(null=True, blank=True)
    decided_vote = models.BigIntegerField(null=True, blank=True, help_text="Id of the last vote that decided.")
    marks = models.JSONField(default=dict, blank=True, help_text="At which vote each bar was first reached.")
    looked_vote = models.BigIntegerField(default=0, help_text="Id of the last vote in the sums.")
    settled_vote = models.BigIntegerField(default=0)
    settled_correction = models.BigIntegerField(default=0)
    marked_vote = models.BigIntegerField(default=0)
    marked_correction = models.BigIntegerField(default=0)
    marked_xid = models.BigIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"board of {self.study_id}"


class BoardBatch(models.Model):
    """What a published design fixed before its votes; version 0 is the uniform design, which needs no publishing."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="board_batches", db_index=False)
    version = models.PositiveIntegerField()
    contenders = ArrayField(models.BigIntegerField())
    leader = models.SmallIntegerField(default=-1, help_text="Its place among the contenders; -1 before there is one.")
    mean = models.FloatField(default=0.5)
    era = models.PositiveSmallIntegerField(default=0)
    numbers = models.BinaryField()
    method = models.CharField(max_length=20, default="uniform")
    votes = models.BigIntegerField(default=0, help_text="Votes that counted when it was published.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "board batches"
        constraints = [models.UniqueConstraint(fields=("study", "version"), name="one_batch_per_version")]

    def __str__(self) -> str:
        return f"batch {self.version} of {self.study_id}"


class BoardVoter(models.Model):
    """A voter's own sums in a study, packed: what makes voters clusters, and what is known before their next vote."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="board_voters", db_index=False)
    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="+")
    numbers = models.BinaryField()
    votes = models.BinaryField(help_text="Ids of the votes in the sums, twice the id; one more for one set aside.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("study", "voter"), name="one_row_per_voter_and_study")]

    def __str__(self) -> str:
        return f"{self.voter_id} in {self.study_id}"
