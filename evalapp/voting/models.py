"""Voters, designs, exposures and votes."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from evalapp.catalog.models import Picture
from evalapp.core.domain.values.moments import EARLIEST, LATEST
from evalapp.studies.models import Pair, Study
from evalapp.voting.domain.void_reasons import UNDONE


class Voter(models.Model):
    """A pseudonymous visitor, known by a signed cookie and by nothing else.

    `address` is a salted hash of where they came from, kept for some days only; see `visitors.py`. Whoever is blocked
    goes on seeing pairs, and their votes are kept, but none of them counts until they are unblocked.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=32, blank=True)
    address_until = models.DateTimeField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    block_reason = models.CharField(max_length=20, blank=True)
    trusted = models.BooleanField(default=False, help_text="An operator has looked: nothing blocks them by itself.")
    forgotten_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=("address",), condition=~models.Q(address=""), name="voters_of_address"),
            models.Index(fields=("address_until",), condition=~models.Q(address=""), name="addresses_to_expire"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Visit(models.Model):
    """One voter in one study: how many different pairs they were dealt, and how many more they may ask for now.

    `allowance` is refilled with time, so that no program deals itself a study; people never notice it.
    """

    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="visits", db_index=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="visits")
    dealt = models.PositiveIntegerField(default=0)
    allowance = models.FloatField(default=0)
    allowance_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("voter", "study"), name="one_visit_per_study")]

    def __str__(self) -> str:
        return f"{self.voter_id} in {self.study_id}"


class Design(models.Model):
    """With what probability each pair of a study is drawn, from the moment it is published.

    `pairs` are ids as little-endian int64, `probabilities` float64, in the same order; they sum to 1. Versions of a
    study count from 1. Never changed and never deleted: the exposures drawn by it name it.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="designs", db_index=False)
    version = models.PositiveIntegerField()
    method = models.CharField(max_length=40)
    pairs = models.BinaryField()
    probabilities = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("study", "version"), name="one_design_per_version")]

    def __str__(self) -> str:
        return f"design {self.version} of {self.study_id}"


class Answer(models.TextChoices):
    """What can be said to a pair. The first two are verdicts; a tie is for two alternatives that are equally close."""

    DOPE = "dope"
    NOPE = "nope"
    TIE = "tie"
    SKIP = "skip"
    REPORT = "report"


class Gold(models.Model):
    """A pair whose answer is known: `expected` is dope or nope.

    With a `picture`, that one is shown in the candidate's place: the query's own, cropped and compressed anew.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="golds")
    pair = models.OneToOneField(Pair, on_delete=models.CASCADE, related_name="gold")
    picture = models.ForeignKey(Picture, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    expected = models.CharField(max_length=6, choices=[("dope", "Dope"), ("nope", "Nope")])

    def __str__(self) -> str:
        return f"{self.expected} on {self.pair_id}"


class ExposureKind(models.TextChoices):
    """Why a pair was shown.

    `study`: drawn by the design. `control`: drawn by the design as well, and only the random control put it first.
    `gold`: its answer is known; `filler`: shown beside such a pair, so that they look like all others. `repeat`: the
    voter answered it some time ago. The board uses the first two; their propensity is the probability with which the
    design draws the pair, given that it is asked. `imported`: voted on elsewhere and brought in a file; nobody knows
    with what probability, and its propensity is 0. `search`: an answer of a search that somebody judged. Answers stand
    in order and people know who gave them, so these are for training, never for a board.
    """

    STUDY = "study"
    GOLD = "gold"
    FILLER = "filler"
    REPEAT = "repeat"
    CONTROL = "control"
    IMPORTED = "imported"
    SEARCH = "search"


class Side(models.TextChoices):
    """Side of the query on the card; in two-alternative mode, side of the candidate."""

    LEFT = "left"
    RIGHT = "right"


class Exposure(models.Model):
    """One pair put before one voter. `token` is random; what leaves the server is its signed form.

    Exposures shown together (two alternatives, a grid) share `group`; the propensity of each is then the probability
    that the pair is among those shown. `design_version` is null where the uniform design drew. `expected` is the known
    answer of a gold pair, `repeats` what is shown once more. `taken_back` counts how often the answer was undone.
    """

    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="exposures", db_index=False)
    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="exposures", db_index=False, db_constraint=False
    )
    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="exposures")
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=ExposureKind.choices, default=ExposureKind.STUDY)
    propensity = models.FloatField(help_text="The probability with which this pair was drawn.")
    design_version = models.PositiveIntegerField(null=True, blank=True)
    group = models.UUIDField(null=True, blank=True)
    side = models.CharField(max_length=5, choices=Side.choices, default=Side.LEFT)
    expected = models.CharField(max_length=6, blank=True)
    repeats = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="repeated", db_index=False
    )
    served_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    taken_back = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            # A voter never sees a pair twice, save for planned repeats.
            models.UniqueConstraint(
                fields=("voter", "pair"), condition=~models.Q(kind="repeat"), name="one_exposure_per_voter"
            ),
        ]
        indexes = [
            # Without `answered_at`: what a vote changes must stand in no index.
            models.Index(fields=("voter", "study"), name="exposures_of_voter"),
            models.Index(fields=("repeats",), condition=models.Q(repeats__isnull=False), name="repeated_exposures"),
        ]

    def __str__(self) -> str:
        return str(self.token)


class Vote(models.Model):
    """The answer to one exposure. Never deleted: one that must not count is marked with the reason."""

    exposure = models.ForeignKey(Exposure, on_delete=models.CASCADE, related_name="votes")
    study = models.ForeignKey(
        Study, on_delete=models.CASCADE, related_name="votes", db_index=False, db_constraint=False
    )
    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="votes", db_constraint=False)
    voter = models.ForeignKey(
        Voter, on_delete=models.CASCADE, related_name="votes", db_index=False, db_constraint=False
    )
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
                fields=("exposure",), condition=~models.Q(void_reason=UNDONE), name="one_vote_per_exposure"
            ),
            # One moment at the end of the calendar ends every export of the study and every page that shows it.
            models.CheckConstraint(
                condition=models.Q(voted_at__gte=EARLIEST, voted_at__lt=LATEST), name="vote_in_our_time"
            ),
        ]
        indexes = [
            models.Index(fields=("voter", "study", "-voted_at"), name="votes_of_voter"),
            models.Index(fields=("study", "id"), name="votes_of_study"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} on {self.pair_id}"


class Correction(models.Model):
    """What took a vote out of the count, or put it back: appended in the transaction that changed the vote.

    Whoever keeps sums of votes adds what is new among the votes and among the corrections, and reads nothing again.
    """

    vote = models.ForeignKey(Vote, on_delete=models.CASCADE, related_name="corrections")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="corrections", db_index=False)
    counted = models.BooleanField(help_text="Whether the vote counts from now on.")
    reason = models.CharField(max_length=40, help_text="The reason it was void for, or is void for now.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=("study", "id"), name="corrections_of_study")]

    def __str__(self) -> str:
        return f"{'+' if self.counted else '-'}{self.vote_id} ({self.reason})"
