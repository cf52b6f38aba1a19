"""Photos of which operators say what they show, and what they said: several products a photo, each in its box."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from evalapp.catalog.models import LONGEST, Catalogue, Item, Picture
from evalapp.search.models.indexes import SearchIndex


class TagDecision(models.TextChoices):
    """What an operator said to a product that was proposed for a box."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class TaggedPhoto(models.Model):
    """A photo that is being tagged: one that was brought, or one that the catalogue has."""

    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="tagged_photos")
    picture = models.ForeignKey(Picture, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=LONGEST["key"], help_text="Items made of it are called by it.")
    domain = models.CharField(max_length=LONGEST["domain"], help_text="Of these items, such as street.")
    put_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)
        constraints = [models.UniqueConstraint(fields=("catalogue", "name"), name="one_tagged_photo_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def whole_box(self) -> tuple[int, int, int, int]:
        """The box that is all of it."""
        return 0, 0, self.picture.width, self.picture.height


class PhotoTag(models.Model):
    """A product in a box of a photo, confirmed or rejected.

    A confirmed one is an item of the catalogue as well, of the photo's domain: with the items of the product in
    another domain it makes the pairs that recipes with `by=domains` learn from.
    """

    photo = models.ForeignKey(TaggedPhoto, on_delete=models.CASCADE, related_name="tags", db_index=False)
    x1 = models.IntegerField()
    y1 = models.IntegerField()
    x2 = models.IntegerField()
    y2 = models.IntegerField()
    product = models.CharField(max_length=LONGEST["product"])
    category = models.CharField(max_length=LONGEST["category"], blank=True)
    decision = models.CharField(max_length=10, choices=TagDecision.choices)
    index = models.ForeignKey(SearchIndex, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    rank = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Among what the index proposed; 1 first.")
    confidence = models.FloatField(null=True, blank=True, help_text="That of the guess, if this product was guessed.")
    item = models.ForeignKey(Item, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("photo", "pk")
        constraints = [
            models.UniqueConstraint(
                fields=("photo", "x1", "y1", "x2", "y2", "product"), name="one_tag_per_box_and_product"
            )
        ]

    def __str__(self) -> str:
        return f"{self.product} in {self.photo_id}"

    @property
    def box(self) -> tuple[int, int, int, int]:
        """In pixels of the photo as displayed."""
        return self.x1, self.y1, self.x2, self.y2
