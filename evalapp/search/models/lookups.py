"""What is kept of searches: nothing, unless somebody says what they think of an answer or leaves their photo."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from evalapp.catalog.models import Item
from evalapp.search.models.indexes import SearchIndex
from evalapp.voting.models import Exposure, Voter


class LookupKind(models.TextChoices):
    """What was searched with."""

    PHOTO = "photo"
    ITEM = "item"
    LIKES = "likes"
    VECTOR = "vector"
    ATTRIBUTES = "attributes"


class LiveTest(models.Model):
    """Answers of two indexes of one catalogue mixed into one list, blind; people's dopes say whose are better."""

    slug = models.SlugField(max_length=80, unique=True)
    first = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(
                fields=("first",), condition=models.Q(closed_at=None), name="one_open_live_test_per_index"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Lookup(models.Model):
    """One search that somebody answered to. Of a photo nothing is kept, not even its vector, unless `item` is it.

    `shown` is what was shown in its order: `[item, distance, propensity, team]`, the team only in a live test.
    """

    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    index = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="lookups")
    voter = models.ForeignKey(Voter, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    live_test = models.ForeignKey(LiveTest, on_delete=models.SET_NULL, null=True, blank=True, related_name="lookups")
    kind = models.CharField(max_length=10, choices=LookupKind.choices)
    item = models.ForeignKey(Item, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    shown = models.JSONField(default=list)
    generation = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return str(self.token)


class LookupVerdict(models.Model):
    """Dope or nope on one answer of a lookup, once. Where the query is an item, a vote of the kind `search` says the
    same; `exposure` leads to it."""

    lookup = models.ForeignKey(Lookup, on_delete=models.CASCADE, related_name="verdicts", db_index=False)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    rank = models.PositiveSmallIntegerField(help_text="1 is the first.")
    verdict = models.CharField(max_length=4, choices=[("dope", "Dope"), ("nope", "Nope")])
    team = models.PositiveSmallIntegerField(null=True, blank=True, help_text="1 or 2 in a live test.")
    exposure = models.ForeignKey(Exposure, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    told_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("lookup", "rank")
        constraints = [models.UniqueConstraint(fields=("lookup", "item"), name="one_verdict_per_answer")]

    def __str__(self) -> str:
        return f"{self.verdict} on {self.item_id}"


class KeptPhoto(models.Model):
    """A photo that its owner let us keep: an item of a catalogue of its own that no gallery shows, until it expires."""

    index = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="kept_photos")
    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="kept_photo")
    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="kept_photos")
    keep_until = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"photo {self.pk}"
