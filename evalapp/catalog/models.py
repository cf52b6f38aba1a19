"""Catalogues, their items, and the pictures, each stored once."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

LONGEST = {"key": 500, "path": 1000, "category": 200, "product": 200, "domain": 80, "split": 40}
"""Characters in each text of an item."""
LONGEST_NOTE = 300


def new_public_id() -> str:
    """A name that tells nothing: 128 random bits."""
    return secrets.token_urlsafe(16)


class Catalogue(models.Model):
    """A collection of pictures. `version` rises with every change of its items."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=0)
    withdrawals = models.PositiveIntegerField(default=0, help_text="Rises whenever items are removed.")
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
    """One picture of the catalogue with what is known about it.

    What a row shows never changes: another picture or box under the same key is another row, and the old one stays,
    `removed` and `replaced`, for the studies of earlier versions. A row that is only `removed` was withdrawn: nobody
    is shown it any more.
    """

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
    removed = models.BooleanField(default=False, help_text="Not in the catalogue as it is now.")
    replaced = models.BooleanField(default=False, help_text="Another row took its place; earlier studies keep it.")

    class Meta:
        ordering = ("catalogue", "key")
        constraints = [
            models.UniqueConstraint(
                fields=("catalogue", "key"), condition=models.Q(removed=False), name="one_item_per_key"
            ),
        ]
        indexes = [models.Index(fields=("catalogue", "key"), name="items_by_key")]

    def __str__(self) -> str:
        return self.key

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """The annotated box in pixels of the picture as displayed, or None for the whole picture."""
        if self.x1 is None or self.y1 is None or self.x2 is None or self.y2 is None:
            return None
        return self.x1, self.y1, self.x2, self.y2

    @property
    def box_size(self) -> tuple[int, int] | None:
        """Width and height of the box in pixels."""
        return None if self.box is None else (self.box[2] - self.box[0], self.box[3] - self.box[1])


class FlagReason(models.TextChoices):
    """Why a picture or a pair misleads."""

    WRONG_LABEL = "wrong label"
    BACK_VIEW = "back view"
    CLOSE_UP = "close-up"
    TOO_GENERIC = "too generic"
    BAD_BOX = "bad box"
    OTHER = "other"


class FlagSource(models.TextChoices):
    """Who said so."""

    OPERATOR = "operator"
    VOTERS = "voters"
    IMPORT = "import"


class FlagState(models.TextChoices):
    """A suspicion waits for an operator and keeps nothing out; only an active flag does. A lifted one stays as a row,
    and nothing but an operator makes it active again."""

    SUSPECTED = "suspected"
    ACTIVE = "active"
    LIFTED = "lifted"


class Flag(models.Model):
    """An item with an active flag leaves training data and decks; the item itself and its votes stay."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="flags")
    reason = models.CharField(max_length=20, choices=FlagReason.choices)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    source = models.CharField(max_length=10, choices=FlagSource.choices, default=FlagSource.OPERATOR)
    state = models.CharField(max_length=10, choices=FlagState.choices, default=FlagState.ACTIVE)
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was last confirmed or lifted.")

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [
            models.UniqueConstraint(fields=("item", "reason"), name="one_flag_per_reason"),
        ]
        indexes = [
            models.Index(fields=("item",), condition=models.Q(state="active"), name="active_flags"),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.item_id}"


class TripletState(models.TextChoices):
    """What a person said to a triplet."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Triplet(models.Model):
    """A claim to be checked by eye: the anchor is more like the positive than like the negative.

    `source` is `labels`, or `study:SLUG` where votes said so. What people decided is read by
    `triplets.decisions`.
    """

    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="triplets")
    anchor = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    positive = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    negative = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=TripletState.choices, default=TripletState.PROPOSED)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("catalogue", "pk")
        constraints = [
            models.UniqueConstraint(fields=("anchor", "positive", "negative"), name="one_triplet_per_claim"),
        ]
        indexes = [models.Index(fields=("catalogue", "state", "id"), name="triplets_by_state")]

    def __str__(self) -> str:
        return f"triplet {self.pk}"

    @property
    def pictures(self) -> list[tuple[str, Item]]:
        """The three items by their roles, in the order in which they are shown."""
        return [("anchor", self.anchor), ("positive", self.positive), ("negative", self.negative)]
