"""Photos that are tagged: what an index proposes for a box, and what people said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Count, Q, QuerySet

from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import Conflict, NotFound
from evalapp.search.domain.lookup_params import Box, LookupParams, Region
from evalapp.search.models import PhotoTag, SearchIndex, TagDecision, TaggedPhoto
from evalapp.search.queries.lookups import Answer, look_up
from evalapp.search.queries.search_indexes import index_of_catalogue

MOST_PROPOSALS = 6
_SEARCHED = 24

COLUMNS = (
    "photo", "x1", "y1", "x2", "y2", "product", "category", "decision", "domain", "item", "index", "rank", "confidence",
    "decided_by", "decided_at",
)  # fmt: skip
"""Of an exported tag."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A product that a box may show; `confidence` is that of the guess, None for other products. `decision` is what was
    said to it before."""

    rank: int
    answer: Answer
    confidence: float | None
    decision: str

    @property
    def product(self) -> str:
        return self.answer.item.product


@dataclass(frozen=True, slots=True)
class Proposals:
    """What an index says to one box of a photo, and where else in it something may be."""

    index: SearchIndex
    box: Box
    products: list[Proposal]
    regions: Sequence[Region]
    guess: Mapping[str, Any] | None


def photo_counts() -> tuple[dict[int, int], dict[int, int]]:
    """By catalogue: how many photos are being tagged, and how many tags are confirmed."""
    photos = TaggedPhoto.objects.order_by().values_list("catalogue").annotate(n=Count("pk"))
    confirmed = PhotoTag.objects.order_by().filter(decision=TagDecision.CONFIRMED)
    return dict(photos), dict(confirmed.values_list("photo__catalogue").annotate(n=Count("pk")))


def tagged_photos(catalogue: Catalogue) -> QuerySet[TaggedPhoto]:
    """The newest first, with how many tags of each decision."""
    photos = TaggedPhoto.objects.filter(catalogue=catalogue).select_related("picture")
    return photos.annotate(
        confirmed=Count("tags", filter=Q(tags__decision=TagDecision.CONFIRMED)),
        rejected=Count("tags", filter=Q(tags__decision=TagDecision.REJECTED)),
    ).order_by("-pk")


def tagged_photo(catalogue: Catalogue, number: int) -> TaggedPhoto:
    """Raises NotFound."""
    photo = TaggedPhoto.objects.filter(catalogue=catalogue, pk=number).select_related("picture", "catalogue").first()
    if photo is None:
        raise NotFound(f"{catalogue} has no photo {number} to be tagged.")
    return photo


def propose_products(photo: TaggedPhoto, box: Box | None = None, index: str = "") -> Proposals:
    """The products nearest to a box of the photo, by this index of the catalogue or the newest that serves.

    Raises NotFound without an index, Conflict for a photo whose file is gone, SearchUnavailable while the service is
    away.
    """
    proposing_index = index_of_catalogue(photo.catalogue.slug, index, every=True)
    try:
        with default_storage.open(photo.picture.file or "\0", "rb") as file:
            data: bytes = file.read()
    except (OSError, ValueError) as error:
        raise Conflict("The file of this photo is gone.") from error
    corners = box or photo.whole_box
    box = None if corners == photo.whole_box else corners
    params = LookupParams(
        index=proposing_index.slug, kind="photo", k=_SEARCHED, box=box, one_per_product=True, suggest=box is None
    )
    result = look_up(proposing_index, params, data, fall_back=False)
    decisions = {tag.product: tag.decision for tag in photo.tags.all() if tag.box == corners}
    guess = (result.guess or {}).get("product") or {}
    with_product = [answer for answer in result.answers if answer.item.product]
    products = [
        Proposal(
            rank,
            answer,
            guess.get("confidence") if answer.item.product == guess.get("likeliest") else None,
            decisions.get(answer.item.product, ""),
        )
        for rank, answer in enumerate(with_product[:MOST_PROPOSALS], start=1)
    ]
    return Proposals(proposing_index, corners, products, result.regions, result.guess)


def tags_of(catalogue: Catalogue, *, decision: str = "") -> QuerySet[PhotoTag]:
    """All that was said about photos of the catalogue, in its order."""
    tags = PhotoTag.objects.filter(photo__catalogue=catalogue).select_related("photo", "item", "index").order_by("pk")
    return tags.filter(decision=decision) if decision else tags


def exported_tag(tag: PhotoTag) -> dict[str, Any]:
    """A tag as commands and the API tell of it; `item` is the key of the item that a confirmed one is."""
    values = (
        tag.photo.name, *tag.box, tag.product, tag.category, tag.decision, tag.photo.domain,
        tag.item.key if tag.item else None, tag.index.slug if tag.index else None, tag.rank, tag.confidence,
        tag.decided_by, tag.decided_at.isoformat(),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))
