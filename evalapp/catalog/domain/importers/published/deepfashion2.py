"""DeepFashion2: a JSON file per picture, several garments in each; every garment becomes an item with its box."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evalapp.catalog.domain.importers.bounding_boxes import parse_box
from evalapp.catalog.domain.importers.data_set_files import no_mapping
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.core.domain.errors import InvalidInput
from models_registry.pictures import EXTENSIONS

SPLITS = ("train", "validation", "test")
_SCALES = {1: "small", 2: "modest", 3: "large"}
_OCCLUSIONS = {1: "slight", 2: "medium", 3: "heavy"}
_ZOOMS = {1: "none", 2: "medium", 3: "large"}
_VIEWS = {1: "not worn", 2: "front", 3: "side or back"}
_CLOSE_UP = 3


class DeepFashion2Source:
    """`path` is the folder that holds `train`, `validation` and `test`, or one of them.

    Items with the same product are the same garment: those of equal `pair_id` and equal `style` above 0. Style 0 is
    nobody's match, so such an item has no product. The domain is `shop` or `user`.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        no_mapping("deepfashion2", mapping)
        if not path.is_dir():
            raise InvalidInput(f"{path} is not a folder.")
        real = path.resolve()
        alone = real.name in SPLITS and (real / "image").is_dir()
        self.root = real.parent if alone else real
        split_names = (real.name,) if alone else SPLITS
        self._splits = [split for split in split_names if (self.root / split / "image").is_dir()]
        if not self._splits:
            raise InvalidInput(f"{path} has no train/image, validation/image or test/image: is this DeepFashion2?")

    def count(self) -> int:
        return sum(len(_picture_names(self.root / split / "image")) for split in self._splits)

    def rows(self) -> Iterator[Record | RowFault]:
        number = 0
        for split in self._splits:
            annotated = (self.root / split / "annos").is_dir()
            for name in _picture_names(self.root / split / "image"):
                number += 1
                path = f"{split}/image/{name}"
                if annotated:
                    yield from self._annotated_records(number, split, path)
                else:
                    yield Record(number, path, key=path, split=split)

    def _annotated_records(self, number: int, split: str, path: str) -> Iterator[Record | RowFault]:
        file = self.root / split / "annos" / f"{Path(path).stem}.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8-sig"))
            garments = [name for name in record if name.startswith("item")]
        except FileNotFoundError:
            yield RowFault(number, path, "missing-annotation", f"There is no {file.name}.")
            return
        except (OSError, ValueError, TypeError) as error:
            yield RowFault(number, path, "bad-json", f"{file.name} cannot be read ({type(error).__name__}).")
            return
        for name in garments:
            yield from _garment_records(number, split, path, name, record)
        if not garments:
            yield RowFault(number, path, "no-item", f"{file.name} names no garment.")


def _picture_names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.name.lower().endswith(EXTENSIONS))


def _garment_records(
    number: int, split: str, path: str, name: str, record: dict[str, Any]
) -> Iterator[Record | RowFault]:
    garment = record[name]
    try:
        style, pair = int(garment["style"]), int(record["pair_id"])
        category = str(garment["category_name"])
        source = str(record["source"])
    except (KeyError, TypeError, ValueError) as error:
        yield RowFault(number, path, "broken-row", f"{name} lacks or spoils a value ({error}).")
        return
    box = None
    try:
        box = parse_box([str(corner) for corner in garment.get("bounding_box", ())] or [""] * 4)
    except ValueError as error:
        yield RowFault(number, path, "bad-box", f"{error} The whole picture was taken.", left_out=False)
    attribute_words = (("scale", _SCALES), ("occlusion", _OCCLUSIONS), ("zoom_in", _ZOOMS), ("viewpoint", _VIEWS))
    yield Record(
        number,
        path,
        key=f"{path}#{name}",
        category=category,
        product=f"{split}/{pair}/{style}" if style > 0 else "",
        domain=source,
        split=split,
        box=box,
        attributes={key: names[garment[key]] for key, names in attribute_words if garment.get(key) in names},
        unrotated=True,
        flag="close-up" if garment.get("zoom_in") == _CLOSE_UP else "",
    )
