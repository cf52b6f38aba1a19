"""Indexes, their generations, and the processes that answer from them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import JSONField, Value
from django.utils import timezone

from evalapp.catalog.models import LONGEST, Catalogue
from evalapp.contenders.models import Embedding, RegionNetwork
from evalapp.core.models import Job
from evalapp.studies.models import Study


class SearchIndex(models.Model):
    """What answers searches: a catalogue's items that the gallery rule lets in, as one embedding sees them.

    The index is a projection of these items and may be rebuilt at any time. Items with an active flag are never in it.
    The first of `metrics` is the usual one.
    """

    slug = models.SlugField(max_length=80, unique=True)
    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="search_indexes")
    embedding = models.ForeignKey(Embedding, on_delete=models.PROTECT, related_name="search_indexes")
    metrics = ArrayField(models.CharField(max_length=20))
    engine = models.CharField(max_length=40, default="auto", help_text="auto, exact, faiss, faiss:sq8 or milvus.")
    recall = models.FloatField(default=0.98, help_text="Share of the true ten nearest that the engine shall find.")
    gallery_domain = models.CharField(max_length=LONGEST["domain"], blank=True, help_text="Only its items are found.")
    gallery_split = models.CharField(max_length=LONGEST["split"], blank=True, help_text="Only its items are found.")
    locator = models.ForeignKey(
        RegionNetwork,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Suggests where in a photo the thing may be; without one, the encoder's own last map does.",
    )
    masker = models.ForeignKey(
        RegionNetwork,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Blanks the background of the catalogue's pictures and of photos, both alike.",
    )
    is_public = models.BooleanField(default=False, help_text="Whether visitors may search.")
    serving = models.ForeignKey("Generation", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    study = models.OneToOneField(
        Study,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="search_index",
        help_text="Holds what people say to answers; never open for votes.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("slug",)
        verbose_name_plural = "search indexes"

    def __str__(self) -> str:
        return self.slug

    @property
    def metric(self) -> str:
        """The metric that is used where none is asked for."""
        return str(self.metrics[0])


class GenerationState(models.TextChoices):
    """A generation's life. What serves is said by its index; a retired one has lost its files."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    RETIRED = "retired"


class Generation(models.Model):
    """One build of an index: files that are written once, verified, and never changed.

    It holds the catalogue as it was at `built_change`; what changed later is added by whoever serves it. `follows` is
    what served when the build began: only in its place this one may step by itself.
    """

    index = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="generations")
    number = models.PositiveIntegerField(help_text="1, 2, 3 … within the index.")
    state = models.CharField(max_length=10, choices=GenerationState.choices, default=GenerationState.BUILDING)
    follows = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    built_change = models.PositiveBigIntegerField(default=0)
    engine = models.CharField(max_length=40, blank=True)
    rows = models.PositiveIntegerField(default=0)
    disk_bytes = models.PositiveBigIntegerField(default=0)
    memory_bytes = models.PositiveBigIntegerField(default=0)
    recall = models.FloatField(null=True, blank=True, help_text="Of the ten nearest, by questions that it made itself.")
    queries_per_cpu_second = models.FloatField(null=True, blank=True)
    identification = models.JSONField(
        default=dict,
        db_default=Value({}, JSONField()),
        blank=True,
        help_text="By metric: how sure a guess of product or category is, fitted on the gallery itself.",
    )
    folder = models.CharField(max_length=200, blank=True, help_text="Below the folder of indexes.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of its manifest, which has those of its files.")
    error = models.TextField(blank=True)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("index", "-number")
        constraints = [models.UniqueConstraint(fields=("index", "number"), name="one_generation_per_number")]

    def __str__(self) -> str:
        return f"{self.index} {self.number}"


class IndexExperiment(models.Model):
    """Engines measured on the index's own vectors, and kept: what the lab draws and what `auto` goes by.

    `reports` holds one per engine and metric, as they come; `choice` is set once all are there.
    """

    index = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="experiments")
    engines = ArrayField(models.CharField(max_length=40))
    metrics = ArrayField(models.CharField(max_length=20))
    recall = models.FloatField(help_text="Share of the true ten nearest that was asked for.")
    rows = models.PositiveIntegerField(default=0, db_default=0)
    is_sampled = models.BooleanField(default=False, db_default=False, help_text="Whether only some were measured.")
    reports = models.JSONField(default=list, db_default=[], blank=True)
    choice = models.CharField(max_length=40, blank=True, db_default="", help_text="The engine that auto takes.")
    reason = models.TextField(blank=True, db_default="")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"experiment {self.pk} of {self.index}"


class Replica(models.Model):
    """A search process and one index in it, as it said itself when it was last seen."""

    name = models.CharField(max_length=200, help_text="Host and process.")
    index = models.ForeignKey(SearchIndex, on_delete=models.CASCADE, related_name="replicas")
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="replicas")
    applied_change = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    young = models.PositiveIntegerField(default=0, help_text="Rows that came after the generation was built.")
    waiting = models.PositiveIntegerField(default=0, help_text="Rows that have no vector yet.")
    latencies = ArrayField(models.FloatField(), default=list, help_text="Milliseconds of the newest answers.")
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("index", "name")
        constraints = [models.UniqueConstraint(fields=("name", "index"), name="one_replica_per_process")]

    def __str__(self) -> str:
        return f"{self.index} in {self.name}"
