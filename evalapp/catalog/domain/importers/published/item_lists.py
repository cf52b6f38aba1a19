"""What the retrieval sets of DeepFashion say about products, not pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalapp.catalog.domain.importers.data_set_files import find_file
from evalapp.catalog.domain.importers.importer_base import RowFault
from evalapp.catalog.domain.importers.published.list_files import Listing


@dataclass(frozen=True, slots=True)
class ItemAttributes:
    """The attributes of each product, as one text with commas between."""

    names: list[str]
    present: dict[str, bytes]
    faults: list[RowFault]

    @classmethod
    def read(cls, root: Path, folders: Sequence[str]) -> ItemAttributes:
        """From `list_attr_cloth.txt` and `list_attr_items.txt`; empty where one is missing."""
        names_file = find_file(root, folders, ["list_attr_cloth.txt"])
        items_file = find_file(root, folders, ["list_attr_items.txt"])
        if names_file is None or items_file is None:
            return cls([], {}, [])
        names = Listing(names_file)
        labels = [_english_name(line) for _, line in names.lines()]
        items = Listing(items_file, faults=names.faults)
        present: dict[str, bytes] = {}
        for number, cells in items.rows():
            if len(cells) != 1 + len(labels) or not set(cells[1:]) <= {"1", "0", "-1"}:
                items.add_warning(
                    number, "broken-row", f"The row should be a product and {len(labels)} labels of 1, 0 or -1."
                )
                continue
            present[cells[0]] = np.packbits([cell == "1" for cell in cells[1:]]).tobytes()
        return cls(labels, present, items.faults)

    def attributes_of(self, product: str) -> dict[str, str]:
        """`{"attributes": "a, b"}`, empty where none is known."""
        bits = np.unpackbits(np.frombuffer(self.present.get(product, b""), dtype=np.uint8))[: len(self.names)]
        present_names = [name for name, bit in zip(self.names, bits, strict=False) if bit]
        return {"attributes": ", ".join(present_names)} if present_names else {}


def check_item_list(path: Path | None) -> Iterator[RowFault]:
    """The list of products, whose second line is a product already: only its number of rows is looked at."""
    if path is not None:
        listing = Listing(path, header=False)
        for _ in listing.lines():
            pass
        yield from listing.faults


def _english_name(line: str) -> str:
    """`Floral`, or `碎花 Floral 1`: a Chinese name, the English one, and a type."""
    cells = line.split()
    if len(cells) >= 3 and cells[-1].isdecimal() and not cells[0].isascii():
        cells = cells[1:-1]
    return " ".join(cells)
