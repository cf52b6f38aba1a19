"""What models made of a few pictures, with the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evalapp.catalog.models import Item


@dataclass(frozen=True, slots=True)
class TriedTap:
    """A tap as it was tried: what is odd about its vectors, and pairs of a picture with its nearest one."""

    name: str
    dim: int
    warnings: list[str]
    pairs: list[tuple[Item, Item, float]]


def tried_taps(trial: dict[str, Any]) -> list[TriedTap]:
    """The taps of a trial; pairs whose pictures are gone are left out. One statement."""
    taps = trial.get("taps", [])
    ids = {item for tap in taps for query, nearest, _ in tap["pairs"] for item in (query, nearest)}
    items = Item.objects.filter(removed=False).select_related("picture", "cutout").in_bulk(list(ids))
    return [
        TriedTap(
            tap["name"],
            tap["dim"],
            tap["warnings"],
            [
                (items[query], items[nearest], distance)
                for query, nearest, distance in tap["pairs"]
                if query in items and nearest in items
            ],
        )
        for tap in taps
    ]


@dataclass(frozen=True, slots=True)
class TriedRegion:
    """A picture with what a locator suggests or a masker blanks, in pixels; a masker keeps the share `kept`."""

    item: Item
    boxes: list[list[int]]
    kept: float | None

    @property
    def count(self) -> int:
        return len(self.boxes)


def tried_regions(trial: dict[str, Any]) -> list[TriedRegion]:
    """The pictures of a trial that are still there. One statement."""
    regions = trial.get("regions", [])
    items = Item.objects.filter(removed=False).select_related("picture")
    items_by_id = items.in_bulk([region["item"] for region in regions])
    tried = []
    for region in regions:
        if (item := items_by_id.get(region["item"])) is not None:
            sides = (item.picture.width, item.picture.height) * 2
            boxes = [[round(share * side) for share, side in zip(box, sides, strict=True)] for box in region["boxes"]]
            tried.append(TriedRegion(item, boxes, region["kept"]))
    return tried
