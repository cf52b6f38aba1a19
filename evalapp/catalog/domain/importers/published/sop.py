"""Stanford Online Products: photos of things sold by auction, a few of each product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evalapp.catalog.domain.importers.data_set_files import need_file, no_mapping
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.core.domain.errors import InvalidInput

_SPLITS = {"train": "Ebay_train.txt", "test": "Ebay_test.txt"}
_HEADER = ["image_id", "class_id", "super_class_id", "path"]
_BUFFER = 1 << 20


class SopSource:
    """`path` is the folder with `Ebay_train.txt` and `Ebay_test.txt`. The product is the class, the category the
    super class, by the name of its folder: `bicycle_final` is `bicycle`."""

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        no_mapping("sop", mapping)
        if not path.is_dir():
            raise InvalidInput(f"{path} is not a folder.")
        self.root = path.resolve()
        self._files = {
            split: need_file(self.root, ("",), [name], "Stanford Online Products") for split, name in _SPLITS.items()
        }

    def count(self) -> int:
        return sum(_count_lines(path) - 1 for path in self._files.values())

    def rows(self) -> Iterator[Record | RowFault]:
        for split, path in self._files.items():
            with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
                for number, line in enumerate(file, start=1):
                    cells = line.split()
                    if not cells or (number == 1 and cells == _HEADER):
                        continue
                    yield _make_record(number, split, cells)


def _make_record(number: int, split: str, cells: list[str]) -> Record | RowFault:
    if len(cells) != len(_HEADER) or not all(cell.isdecimal() for cell in cells[:3]):
        return RowFault(number, cells[-1], "broken-row", "The row should be three whole numbers and a path.")
    path = cells[3]
    folder = path.split("/", 1)[0] if "/" in path else ""
    return Record(
        number,
        path,
        key=path,
        category=folder.removesuffix("_final") or cells[2],
        product=cells[1],
        split=split,
    )


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BUFFER), b""))
