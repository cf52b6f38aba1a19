"""DeepFashion, In-shop Clothes Retrieval: products with several pictures each, split into train, query and gallery."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from evalapp.catalog.domain.importers.data_set_files import PicturesAt, find_file, need_file, no_mapping, root_of
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.domain.importers.published.item_lists import ItemAttributes, check_item_list
from evalapp.catalog.domain.importers.published.list_files import Listing, PathIndex, numbers_by_path
from evalapp.catalog.domain.importers.published.picture_labels import Boxes

_FOLDERS = ("Anno", "Anno/attributes", "Anno/list", "Eval", "")
_SPLITS = {"train", "query", "gallery"}
POSES = {1: "front", 2: "side", 3: "back", 4: "zoom-out", 5: "zoom-in", 6: "stand-alone"}
_FLAGS = {"back": "back view", "zoom-in": "close-up"}


class InShopSource:
    """`path` is the data set's folder. The category is the folder before the product's, the gender the one before."""

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        no_mapping("inshop", mapping)
        self.root = root_of(path, ("Anno", "Eval", "Img", "img"))
        self._main = Listing(
            need_file(self.root, ("Eval", "Anno", ""), ["list_eval_partition.txt"], "In-shop Clothes Retrieval")
        )

    def count(self) -> int:
        return self._main.declared_count or 0

    def rows(self) -> Iterator[Record | RowFault]:
        index = PathIndex(cells[0] for _, cells in Listing(self._main.path).rows())
        boxes_file = find_file(self.root, _FOLDERS, ["list_bbox_inshop.txt"])
        boxes = Boxes.read(boxes_file, index, first=3)
        poses = numbers_by_path(Listing(boxes_file), index, 1, first=2) if boxes_file else None
        attributes = ItemAttributes.read(self.root, _FOLDERS)
        described, description_faults = _read_descriptions(
            find_file(self.root, _FOLDERS, ["list_description_inshop.json"])
        )
        yield from boxes.faults
        yield from attributes.faults
        yield from description_faults
        yield from check_item_list(find_file(self.root, _FOLDERS, ["list_item_inshop.txt"]))
        pictures = PicturesAt(self.root)
        for number, cells in self._main.rows():
            if len(cells) != 3 or cells[2] not in _SPLITS:
                message = "The row should be a path, a product and train, query or gallery."
                yield RowFault(number, cells[0], "broken-row", message)
                continue
            path, product, split = cells
            folders = path.split("/")
            position = index.find_path(path)
            pose = POSES.get(int(poses[position, 0]), "") if poses is not None else ""
            values = {"gender": folders[1] if len(folders) > 4 else "", "pose": pose}
            values |= described.get(product, {})
            values |= attributes.attributes_of(product)
            yield Record(
                number,
                pictures.path_of(path),
                key=path,
                category=folders[-3] if len(folders) > 3 else "",
                product=product,
                split=split,
                box=None if pictures.highres else boxes.box_of(position),
                attributes={name: value for name, value in values.items() if value},
                unrotated=True,
                flag=_FLAGS.get(pose, ""),
            )
        yield from pictures.location_faults()
        yield from self._main.faults


def _read_descriptions(path: Path | None) -> tuple[dict[str, dict[str, str]], list[RowFault]]:
    """Colour and description by product."""
    if path is None:
        return {}, []
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
        described = {
            str(row["item"]): {
                "colour": str(row.get("color", "")).strip(),
                "description": _joined_text(row.get("description", "")),
            }
            for row in rows
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"The descriptions cannot be read ({type(error).__name__}); the pictures go in without them."
        return {}, [RowFault(0, path.name, "bad-json", message, left_out=False)]
    return described, []


def _joined_text(description: object) -> str:
    lines = description if isinstance(description, list) else [description]
    return " ".join(str(line).strip() for line in lines if str(line).strip())
