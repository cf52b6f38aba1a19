"""Registered encoders and their embeddings."""

from __future__ import annotations

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

    class Meta:
        ordering = ("name",)

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
