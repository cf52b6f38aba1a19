"""Catalogues, their items, and the pictures, each stored once."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

LONGEST = {"key": 500, "path": 1000, "category": 200, "product": 200, "domain": 80, "split": 40}
"""Characters in each text of an item."""


def new_public_id() -> str:
    """A name that tells nothing: 128 random bits."""
    return secrets.token_urlsafe(16)


class Catalogue(models.Model):
    """A collection of pictures. `version` rises with every change of its items."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug


class Picture(models.Model):
    """The bytes of one file, whichever items show it. Visitors see renditions, named by `public_id`."""

    sha256 = models.CharField(max_length=64, unique=True)
    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    file = models.CharField(max_length=200, help_text="Name in the default storage.")
    width = models.PositiveIntegerField(help_text="As displayed, after EXIF orientation.")
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="Bytes.")

    def __str__(self) -> str:
        return self.sha256[:12]


class Item(models.Model):
    """One picture of the catalogue with what is known about it."""

    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(max_length=LONGEST["key"])
    picture = models.ForeignKey(Picture, on_delete=models.PROTECT, related_name="items")
    path = models.CharField(max_length=LONGEST["path"], help_text="Where it was found when it was imported.")
    category = models.CharField(max_length=LONGEST["category"], blank=True)
    product = models.CharField(max_length=LONGEST["product"], blank=True)
    domain = models.CharField(max_length=LONGEST["domain"], blank=True)
    split = models.CharField(max_length=LONGEST["split"], blank=True)
    x1 = models.IntegerField(null=True, blank=True)
    y1 = models.IntegerField(null=True, blank=True)
    x2 = models.IntegerField(null=True, blank=True)
    y2 = models.IntegerField(null=True, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(help_text="The catalogue's version that brought its present form.")
    removed = models.BooleanField(default=False)

    class Meta:
        ordering = ("catalogue", "key")
        constraints = [
            models.UniqueConstraint(fields=("catalogue", "key"), name="one_item_per_key"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """The annotated box in pixels of the picture as displayed, or None for the whole picture."""
        if self.x1 is None or self.y1 is None or self.x2 is None or self.y2 is None:
            return None
        return self.x1, self.y1, self.x2, self.y2
