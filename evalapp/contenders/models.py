"""Registered encoders and their embeddings."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.core.models import Job


class EmbeddingModel(models.Model):
    """An encoder under the name people use for it. Never changed once made: other weights are another model."""

    name = models.CharField(max_length=80, unique=True)
    source = models.CharField(max_length=500, help_text="What it was registered from, such as `vgg16.random`.")
    spec = models.JSONField(help_text="The encoder's spec as `models_registry.spec` writes it.")
    fingerprint = models.CharField(max_length=64, help_text="Changes with anything that changes a vector.")
    weights = models.CharField(max_length=200, blank=True, help_text="Our copy of the file, in the weights folder.")
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is offered no more; what was made of it stays."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def preprocess(self) -> dict[str, Any] | None:
        """Size, resize rule, interpolation, mean, deviation and channels; None for an encoder that reads keys."""
        rules: dict[str, Any] | None = self.spec.get("preprocess")
        return rules


class Registration(models.Model):
    """A network that somebody wants registered: a worker looks what it is, and tries it on a few pictures.

    `trial` is what came of that: `{"taps": [{"name", "dim", "warnings", "pairs": [[query, found, distance] …]}],
    "pictures"}`. The job says how far it is. Another registration of the same name is a change of its preprocessing.
    A locator or a masker that was sent comes the same way: `kind` says which, and its trial has `regions` for `taps`.
    """

    kind = models.CharField(
        max_length=10, blank=True, default="", db_default="", help_text="Locator or masker; empty for an encoder."
    )

    name = models.CharField(max_length=80)
    source = models.CharField(max_length=500, help_text="Such as `timm:resnet18`, or the kind of what was sent.")
    upload = models.CharField(max_length=22, blank=True, help_text="Name of the file that was sent.")
    told = models.CharField(max_length=200, blank=True, help_text="What the sender called the file.")
    options = models.JSONField(default=dict, blank=True)
    catalogue = models.ForeignKey(Catalogue, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    model = models.ForeignKey(
        EmbeddingModel, on_delete=models.CASCADE, null=True, blank=True, related_name="registrations"
    )
    region = models.ForeignKey(
        "RegionNetwork", on_delete=models.CASCADE, null=True, blank=True, related_name="registrations"
    )
    trial = models.JSONField(default=dict, blank=True)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"registration of {self.name}"


class RegionNetwork(models.Model):
    """Somebody's own network that proposes boxes in a picture (a locator) or blanks what is not the thing (a masker).

    Never changed once made, as models are: vectors of masked pictures are kept under its name and fingerprint.
    """

    class Kind(models.TextChoices):
        LOCATOR = "locator"
        MASKER = "masker"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=80)
    source = models.CharField(max_length=500, help_text="What it was registered from, such as `onnx:net.onnx`.")
    spec = models.JSONField(help_text="As `models_registry.regions` writes it.")
    fingerprint = models.CharField(max_length=64, help_text="Changes with anything that changes what is found.")
    weights = models.CharField(max_length=200, help_text="Our copy of the file, in the weights folder.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("kind", "name")
        constraints = [models.UniqueConstraint(fields=("kind", "name"), name="one_region_network_per_name")]

    def __str__(self) -> str:
        return self.name


class Embedding(models.Model):
    """One model at one tap over one catalogue. The vectors lie in files; this row says how many and how good."""

    model = models.ForeignKey(EmbeddingModel, on_delete=models.PROTECT, related_name="embeddings")
    tap = models.CharField(max_length=80)
    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="embeddings")
    dimensions = models.PositiveIntegerField()
    vectors = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("model", "tap")
        constraints = [
            models.UniqueConstraint(fields=("model", "tap", "catalogue"), name="one_embedding_per_tap"),
        ]

    def __str__(self) -> str:
        return f"{self.model}.{self.tap} of {self.catalogue}"


class TrainedOn(models.Model):
    """The pictures that a model was trained on, by the SHA-256 of their bytes: people are not asked about these."""

    model = models.OneToOneField(EmbeddingModel, on_delete=models.CASCADE, related_name="trained_on")
    pictures = ArrayField(models.CharField(max_length=64))
    votes = models.BooleanField(default=False, help_text="Whether it learnt from votes on them, not from their labels.")

    class Meta:
        verbose_name_plural = "trained on"

    def __str__(self) -> str:
        return f"pictures of {self.model_id}"


class EmbeddingMap(models.Model):
    """Some items of an embedding laid out on a plane. The job says how far it is; `points` is empty until it is drawn.

    `items` are ids in the order of `points`, which holds little-endian float32 pairs in -1 … 1.
    """

    embedding = models.ForeignKey(Embedding, on_delete=models.CASCADE, related_name="maps")
    seed = models.BigIntegerField(default=0)
    items = ArrayField(models.BigIntegerField(), default=list)
    points = models.BinaryField(default=bytes)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"map of {self.embedding}"

    @property
    def is_drawn(self) -> bool:
        """Whether it can be looked at."""
        return bool(self.points)

    @property
    def size(self) -> int:
        """How many pictures it shows."""
        return len(self.items)


class Examination(models.Model):
    """A question to one encoder about a whole catalogue, answered by a worker: its score by the protocol of a public
    set, or the items that may be at fault.

    `result` is empty until then; it holds the scores as `ProtocolScores` has them, or `{"suspects": [{"key", "reason",
    "told", "strength"} …]}`. The job says how far it is.
    """

    class Question(models.TextChoices):
        FAULTS = "faults", "pictures that may be at fault"
        SOP = "sop", "Stanford Online Products"
        INSHOP = "inshop", "In-shop Clothes Retrieval"
        CONSUMER2SHOP = "consumer2shop", "Consumer-to-shop"
        STREET2SHOP = "street2shop", "Exact Street2Shop"

    question = models.CharField(max_length=20, choices=Question.choices)
    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="+")
    model = models.ForeignKey(EmbeddingModel, on_delete=models.CASCADE, related_name="+")
    contender = models.CharField(max_length=180, help_text="`MODEL.TAP:METRIC`.")
    result = models.JSONField(default=dict, blank=True)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.question} of {self.catalogue} by {self.contender}"

    @property
    def asks_for_faults(self) -> bool:
        """Whether items are looked for, and not a score."""
        return self.question == self.Question.FAULTS
