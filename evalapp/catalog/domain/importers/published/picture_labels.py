"""What the lists of DeepFashion say about each picture, joined by path and kept in few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evalapp.catalog.domain.importers.bounding_boxes import RawBox
from evalapp.catalog.domain.importers.importer_base import RowFault
from evalapp.catalog.domain.importers.published.list_files import Listing, PathIndex, numbers_by_path, warn_of_unlisted
from evalapp.core.domain.errors import InvalidInput

_COARSE = {1: "texture", 2: "fabric", 3: "shape", 4: "part", 5: "style"}
_FINE = {1: "texture", 2: "sleeve", 3: "length", 4: "neckline", 5: "fabric", 6: "fit"}
_FINE_ATTRIBUTES = 26
_BLANKS = np.frombuffer(b" \t\r\n", dtype=np.uint8)
SPLITS = {"train", "val", "test"}


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """A box per path, in 16 bytes."""

    corners: NDArray[np.int32]
    faults: list[RowFault]

    @classmethod
    def read(cls, path: Path | None, index: PathIndex, *, first: int = 1) -> Boxes:
        """From `path x1 y1 x2 y2`, the corners beginning at the cell `first`."""
        if path is None:
            return cls(np.full((len(index), 4), -1, dtype=np.int32), [])
        listing = Listing(path)
        return cls(numbers_by_path(listing, index, 4, first=first), listing.faults)

    def box_of(self, position: int) -> RawBox | None:
        """None where there is none; an impossible one is for the pipeline to report."""
        x1, y1, x2, y2 = self.corners[position].tolist()
        return None if (x1, y1, x2, y2) == (-1, -1, -1, -1) else (float(x1), float(y1), float(x2), float(y2))


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """A split per path, in a byte."""

    names: list[str]
    numbers: NDArray[np.int8]
    faults: list[RowFault]

    @classmethod
    def read(cls, listing: Listing, index: PathIndex) -> Splits:
        """From rows of a path and `train`, `val` or `test`."""
        splits = cls(["", *sorted(SPLITS)], np.zeros(len(index), dtype=np.int8), listing.faults)
        unlisted = 0
        for number, cells in listing.rows():
            if len(cells) != 2 or cells[1] not in SPLITS:
                listing.add_warning(number, "broken-row", "The row should be a path and train, val or test.")
                continue
            position = index.find_path(cells[0])
            unlisted += position < 0
            if position >= 0:
                splits.numbers[position] = splits.names.index(cells[1])
        warn_of_unlisted(listing, unlisted)
        return splits

    @classmethod
    def of_files(cls, folder: Path, index: PathIndex) -> Splits:
        """From `train.txt`, `val.txt` and `test.txt`, a path per line and no header, as far as they are there."""
        splits = cls(["", *sorted(SPLITS)], np.zeros(len(index), dtype=np.int8), [])
        for split in sorted(SPLITS):
            path = folder / f"{split}.txt"
            if path.is_file():
                for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
                    position = index.find_path(line.strip())
                    if position >= 0:
                        splits.numbers[position] = splits.names.index(split)
        return splits

    def split_of(self, position: int) -> str:
        return self.names[int(self.numbers[position])]


@dataclass(frozen=True, slots=True, eq=False)
class Attributes:
    """Which attributes each path has, in a bit each; by type, whether nothing of it is known, in a bit too."""

    names: list[str]
    groups: dict[str, list[int]]
    present: NDArray[np.uint8]
    known_absent: NDArray[np.bool_]
    faults: list[RowFault]

    @classmethod
    def read(cls, names: Path | None, values: Path | None, index: PathIndex) -> Attributes:
        """Streams the values: 289,222 rows of 1,000 numbers take 36 MB."""
        if names is None or values is None:
            return cls([], {}, np.zeros((len(index), 0), np.uint8), np.zeros((len(index), 0), np.bool_), [])
        labels, types, faults = _attribute_names(names)
        kinds = _FINE if names.parent.name == "Anno_fine" or len(labels) == _FINE_ATTRIBUTES else _COARSE
        groups: dict[str, list[int]] = {}
        for position, kind in enumerate(types):
            groups.setdefault(kinds.get(kind, f"type {kind}"), []).append(position)
        listing = Listing(values, faults=faults)
        width = -(-len(labels) // 8)
        present = np.zeros((len(index), width), dtype=np.uint8)
        absent = np.zeros((len(index), len(groups)), dtype=np.bool_)
        unlisted = 0
        for number, line in listing.lines():
            path, _, rest = line.strip().partition(" ")
            row = _small_numbers(rest)
            if row is None or len(row) != len(labels):
                listing.add_warning(number, "broken-row", f"The row should have {len(labels)} labels of 1, 0 or -1.")
                continue
            position = index.find_path(path)
            unlisted += position < 0
            if position >= 0:
                present[position] = np.packbits(row == 1)
                absent[position] = [bool((row[members] == -1).all()) for members in groups.values()]
        warn_of_unlisted(listing, unlisted)
        return cls(labels, groups, present, absent, faults)

    def attributes_of(self, position: int) -> dict[str, str]:
        """By type, the attributes present with commas between; `none` where all are known to be absent."""
        bits = np.unpackbits(self.present[position])
        by_type = {}
        for number, (group, members) in enumerate(self.groups.items()):
            present_names = [self.names[member] for member in members if bits[member]]
            if present_names or self.known_absent[position, number]:
                by_type[group] = ", ".join(present_names) or "none"
        return by_type


def _attribute_names(path: Path) -> tuple[list[str], list[int], list[RowFault]]:
    """Names may hold blanks: the type is the last cell."""
    listing = Listing(path)
    labels, types = [], []
    for number, line in listing.lines():
        cells = line.rsplit(None, 1)
        if len(cells) != 2 or not cells[1].isdecimal():
            raise InvalidInput(f"Line {number} of {path} should be the name of an attribute and its type.")
        labels.append(" ".join(cells[0].split()))
        types.append(int(cells[1], 10))
    return labels, types, listing.faults


def _small_numbers(text: str) -> NDArray[np.int8] | None:
    """The numbers 1, 0 and -1 with blanks between, None where something else stands there.

    By bytes, a tenth of the time of splitting: there are 289 million of them.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    is_digit = (codes == ord("0")) | (codes == ord("1"))
    is_minus = codes == ord("-")
    if not (is_digit | is_minus | np.isin(codes, _BLANKS)).all():
        return None
    values: NDArray[np.int8] = (codes[is_digit] - ord("0")).astype(np.int8)
    negative = np.concatenate([[False], is_minus[:-1]])[is_digit]
    values[negative] *= -1
    return values
