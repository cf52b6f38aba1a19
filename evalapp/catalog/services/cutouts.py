"""What people see of items: the picture, or where there is a box its cutout in the style that is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from evalapp.catalog.domain.box_styles import PLAIN, BoxStyle, with_margin
from evalapp.catalog.models import Cutout, Item

_BATCH = 2000


def ensure_cutouts(items: Iterable[int], style: BoxStyle) -> None:
    """Make the rows of what is shown of these items' boxes in this style; the plain ones come with the items."""
    if style == PLAIN:
        return
    item_ids = list(items)
    for start in range(0, len(item_ids), _BATCH):
        part = Item.objects.filter(pk__in=item_ids[start : start + _BATCH]).exclude(x1=None).select_related("picture")
        Cutout.objects.bulk_create([cutout_of(item, style) for item in part.order_by("pk")], ignore_conflicts=True)


def cutout_of(item: Item, style: BoxStyle) -> Cutout:
    """A row, not saved, for an item that has a box."""
    if item.box is None:
        raise ValueError(f"{item} has no box.")
    x1, y1, x2, y2 = item.box
    width, height = item.picture.width, item.picture.height
    if not style.dimmed:
        left, top, right, bottom = with_margin(item.box, style.margin, width, height)
        width, height = right - left, bottom - top
    size = {"width": width, "height": height}
    return Cutout(
        picture=item.picture, x1=x1, y1=y1, x2=x2, y2=y2, dimmed=style.dimmed, margin=style.margin, **size
    )  # fmt: skip
