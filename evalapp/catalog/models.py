"""Catalogues, their items, and the pictures, each stored once."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

from evalapp.core.domain.values.slugs import SLUG_PATTERN
from evalapp.core.models import Job

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
    last_change = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        help_text="Rises with every change of any row of its items, flags included; without gaps.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is offered no more; studies of it go on."
    )

    class Meta:
        ordering = ("slug",)
        constraints = [models.CheckConstraint(condition=models.Q(slug__regex=SLUG_PATTERN), name="catalogue_slug")]

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
    made_from = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="made",
        help_text="What it is a treated copy of; it is shown no longer than that one.",
    )
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when its files are gone; it is never shown or taken in again."
    )

    def __str__(self) -> str:
        return self.sha256[:12]


class Cutout(models.Model):
    """What is shown of a picture for a box: another one for each box and each `BoxStyle`, with a name of its own.

    The name is what keeps two things in one picture apart without telling that they share it.
    """

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="cutouts")
    x1 = models.IntegerField()
    y1 = models.IntegerField()
    x2 = models.IntegerField()
    y2 = models.IntegerField()
    dimmed = models.BooleanField(default=False, help_text="The whole picture, darkened outside the box.")
    margin = models.PositiveSmallIntegerField(default=0, help_text="Per cent of the box's sides shown around it.")
    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    width = models.PositiveIntegerField(help_text="Of what is shown, in pixels of the original.")
    height = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=("picture", "x1", "y1", "x2", "y2", "dimmed", "margin"), name="one_cutout_per_box_and_style"
            ),
        ]

    def __str__(self) -> str:
        return f"cutout {self.pk}"

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The box without its margin."""
        return self.x1, self.y1, self.x2, self.y2


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
    cutout = models.ForeignKey(
        Cutout,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Of its box, without a margin.",
    )
    attributes = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(help_text="The catalogue's version that brought its present form.")
    removed = models.BooleanField(default=False, help_text="Not in the catalogue as it is now.")
    replaced = models.BooleanField(default=False, help_text="Another row took its place; earlier studies keep it.")
    last_change = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        help_text="The catalogue's change that touched this row last, replacing and flagging included.",
    )

    class Meta:
        ordering = ("catalogue", "key")
        constraints = [
            models.UniqueConstraint(
                fields=("catalogue", "key"), condition=models.Q(removed=False), name="one_item_per_key"
            ),
        ]
        indexes = [
            models.Index(fields=("catalogue", "key"), name="items_by_key"),
            # Whoever keeps a copy of the catalogue reads on from the change that it has seen last.
            models.Index(fields=("catalogue", "last_change"), name="items_by_change"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """The annotated box in pixels of the picture as displayed, or None for the whole picture."""
        if self.x1 is None or self.y1 is None or self.x2 is None or self.y2 is None:
            return None
        return self.x1, self.y1, self.x2, self.y2

    @property
    def shown(self) -> Picture | Cutout:
        """What people see of it wherever no study says otherwise."""
        return self.cutout or self.picture

    @property
    def box_size(self) -> tuple[int, int] | None:
        """Width and height of the box in pixels."""
        return None if self.box is None else (self.box[2] - self.box[0], self.box[3] - self.box[1])


class CatalogueImport(models.Model):
    """Pictures that an operator sent or named, on their way into a catalogue. The job says how far they are.

    `outcomes` are the counts of each block of rows by the row it begins with; `report` what went wrong, by kind and
    the first ones in words.
    """

    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="imports")
    upload = models.CharField(max_length=22, blank=True, help_text="Name of the file that was sent.")
    folder = models.CharField(max_length=1000, blank=True, help_text="Or a path of this machine, below IMPORT_ROOT.")
    told = models.CharField(max_length=200, blank=True, help_text="What the sender called it.")
    format = models.CharField(max_length=20, blank=True)
    mapping = models.JSONField(default=dict, blank=True)
    flag_misleading = models.BooleanField(default=False)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    outcomes = models.JSONField(default=dict, blank=True)
    report = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"import into {self.catalogue}"

    def count(self, name: str) -> int:
        """How many rows were `new`, `updated`, `unchanged` or `left_out` so far."""
        return sum(int(outcome.get(name, 0)) for outcome in self.outcomes.values())


class FlagReason(models.TextChoices):
    """Why a picture or a pair misleads."""

    WRONG_LABEL = "wrong label"
    BACK_VIEW = "back view"
    CLOSE_UP = "close-up"
    TOO_GENERIC = "too generic"
    BAD_BOX = "bad box"
    OTHER = "other"


class FlagSource(models.TextChoices):
    """Who raised the flag."""

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
    `triplets.triplet_decisions`.
    """

    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="triplets")
    anchor = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    positive = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    negative = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=TripletState.choices, default=TripletState.PROPOSED)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True, db_default="", help_text="Name of the operator.")

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
