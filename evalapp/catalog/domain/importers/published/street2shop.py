"""Exact Street2Shop: photos from the street, each with a box around the product that a shop sells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evalapp.catalog.domain.importers.data_set_files import no_mapping, root_of
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.domain.seen_keys import SeenKeys
from evalapp.core.domain.errors import InvalidInput

STREET, SHOP = "street", "shop"
_META = ("meta/json", "meta", "json", "")


class Street2ShopSource:
    """`path` is the folder with `meta/json` and `images`. Pictures have to be fetched from many shops, and many of
    them are gone: what is missing is reported. An item is a street photo with one product's box, or a shop photo."""

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        no_mapping("street2shop", mapping)
        self.root = root_of(path, ("meta", "images", "photos"))
        folders = [self.root / folder for folder in _META if (self.root / folder).is_dir()]
        meta = [folder for folder in folders if any(folder.glob("retrieval_*.json"))]
        if not meta:
            raise InvalidInput(f"There is no retrieval_*.json in {self.root / _META[0]}: is this Exact Street2Shop?")
        self._meta = meta[0]
        self._digits = _digits_of_ids(self.root / "photos" / "photos.txt")

    def count(self) -> int:
        return sum(len(_read_rows(path)[0]) for path, _, _ in self._annotation_files())

    def rows(self) -> Iterator[Record | RowFault]:
        seen_keys = SeenKeys()
        number = 0
        for path, category, split in self._annotation_files():
            rows, fault = _read_rows(path)
            if fault is not None:
                yield fault
            for row in rows:
                number += 1
                record_or_fault = self._make_record(number, row, category, split)
                if isinstance(record_or_fault, RowFault) or seen_keys.add_key(record_or_fault.key):
                    yield record_or_fault

    def _annotation_files(self) -> Iterator[tuple[Path, str, str]]:
        """Each file with its category, and its split; the shops' photos belong to all."""
        for split in ("train", "test"):
            for path in sorted(self._meta.glob(f"{split}_pairs_*.json")):
                yield path, path.stem.removeprefix(f"{split}_pairs_"), split
        for path in sorted(self._meta.glob("retrieval_*.json")):
            yield path, path.stem.removeprefix("retrieval_"), ""

    def _make_record(self, number: int, row: Any, category: str, split: str) -> Record | RowFault:
        try:
            photo, product = int(row["photo"]), int(row["product"])
            box = _box_corners(row["bbox"]) if split else None
        except (KeyError, TypeError, ValueError) as error:
            return RowFault(number, "", "broken-row", f"A row lacks or spoils a value ({error}).")
        domain = STREET if split else SHOP
        return Record(
            number,
            self._picture_path(photo),
            key=f"{domain}/{photo}/{product}",
            category=category,
            product=str(product),
            domain=domain,
            split=split,
            box=box,
            unrotated=True,
        )

    def _picture_path(self, photo: int) -> str:
        """People save the pictures under the number, or under the number as the list writes it, with zeros."""
        plain, padded = f"images/{photo}.jpg", f"images/{photo:0{self._digits}d}.jpg"
        only_padded = (self.root / padded).exists() and not (self.root / plain).exists()
        return padded if only_padded else plain


def _box_corners(box: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Left, top, width and height as corners."""
    left, top, width, height = (float(box[name]) for name in ("left", "top", "width", "height"))
    if not (width > 0 and height > 0):
        raise ValueError(f"a box of {width:g} x {height:g}")
    return left, top, left + width, top + height


def _read_rows(path: Path) -> tuple[list[Any], RowFault | None]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(rows, list):
            return rows, None
        reason = "it is no list"
    except (OSError, ValueError) as error:
        reason = type(error).__name__
    return [], RowFault(0, path.name, "bad-json", f"The file cannot be read ({reason}).")


def _digits_of_ids(path: Path) -> int:
    """How many digits an id has in the list of photos, whose rows are `id,url` without a header; 1 without a list."""
    if not path.is_file():
        return 1
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline().split(",", 1)[0].strip()
    return len(first) if first.isdecimal() else 1
