"""Pairs of items that may be one thing twice, and what a person said to them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from evalapp.catalog.models import Catalogue, Item
from evalapp.core.models import Job
from evalapp.search.models.indexes import SearchIndex


class DuplicateLevel(models.TextChoices):
    """How much is the same: the file's bytes, the picture (scaled, cropped, saved anew), or perhaps the thing."""

    BYTES = "bytes"
    PICTURE = "picture"
    THING = "thing"


class DuplicateState(models.TextChoices):
    """What a person said to a pair."""

    PROPOSED = "proposed"
    SAME = "same"
    DIFFERENT = "different"


class DuplicateScan(models.Model):
    """The last search for duplicates of a catalogue: how far it went, by which index, and what it found."""

    catalogue = models.OneToOneField(Catalogue, on_delete=models.CASCADE, related_name="duplicate_scan")
    level = models.CharField(max_length=10, choices=DuplicateLevel.choices, help_text="Up to which it looked.")
    index = models.ForeignKey(SearchIndex, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    report = models.JSONField(default=dict, blank=True, help_text="Threshold, share of copies found, pairs by level.")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("catalogue",)

    def __str__(self) -> str:
        return f"duplicates of {self.catalogue}"


class DuplicatePair(models.Model):
    """Two items, the smaller id first. Unique per pair, so that a decision outlives every later search."""

    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="duplicate_pairs")
    first = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    level = models.CharField(max_length=10, choices=DuplicateLevel.choices)
    score = models.FloatField(default=0, help_text="The surest of a level first.")
    distance = models.FloatField(null=True, blank=True, help_text="Between the vectors.")
    scan = models.PositiveIntegerField(default=0, help_text="The job that proposed it last.")
    state = models.CharField(max_length=10, choices=DuplicateState.choices, default=DuplicateState.PROPOSED)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("catalogue", "pk")
        constraints = [models.UniqueConstraint(fields=("first", "second"), name="one_duplicate_per_pair")]
        indexes = [models.Index(fields=("catalogue", "state", "level", "-score", "id"), name="duplicates_by_state")]

    def __str__(self) -> str:
        return f"duplicate {self.pk}"
