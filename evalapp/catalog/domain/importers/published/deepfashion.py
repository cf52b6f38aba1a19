"""DeepFashion, Category and Attribute Prediction: categories, attributes, boxes, splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evalapp.catalog.domain.importers.data_set_files import PicturesAt, find_file, need_file, no_mapping, root_of
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.domain.importers.published.list_files import Listing, PathIndex
from evalapp.catalog.domain.importers.published.picture_labels import Attributes, Boxes, Splits

_ANNOTATIONS = ("Anno", "Anno_coarse", "Anno_fine", "")
_PARTS = (*_ANNOTATIONS[:-1], "Eval", "Img", "img", "img_highres")
_WORN = {"1": "upper body", "2": "lower body", "3": "full body"}


class DeepFashionSource:
    """`path` is the data set's folder, or one of its parts: `Anno`, `Anno_coarse`, `Anno_fine`, `Img` …

    The product is the listing's folder, whose shots show one garment. Attributes are grouped by their type, such as
    `fabric: chiffon, lace`; `none` where all of a type are known to be absent, and left out where that is not known.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        no_mapping("deepfashion", mapping)
        self.root = root_of(path, _PARTS)
        folder_name = path.resolve().name
        self._folders = (folder_name,) if folder_name in _ANNOTATIONS[:-1] else _ANNOTATIONS
        names = need_file(self.root, self._folders, ["list_category_cloth.txt"], "DeepFashion")
        self._folders = (names.parent.relative_to(self.root).as_posix(),)
        self._main = Listing(need_file(self.root, self._folders, ["list_category_img.txt"], "DeepFashion"))
        self._names = Listing(names)
        self._categories = [cells for _, cells in self._names.rows() if len(cells) >= 2]

    def count(self) -> int:
        return self._main.declared_count or 0

    def rows(self) -> Iterator[Record | RowFault]:
        index = PathIndex(cells[0] for _, cells in Listing(self._main.path).rows())
        boxes, splits, attributes = self._read_boxes(index), self._read_splits(index), self._read_attributes(index)
        yield from self._names.faults
        yield from (fault for part in (boxes, splits, attributes) for fault in part.faults)
        pictures = PicturesAt(self.root)
        for number, cells in self._main.rows():
            path = cells[0]
            category, fault = self._category_cells(number, cells)
            if fault is not None:
                yield fault
                continue
            position = index.find_path(path)
            values = dict(attributes.attributes_of(position))
            values |= {"worn": _WORN[category[-1]]} if category[-1] in _WORN else {}
            yield Record(
                number,
                pictures.path_of(path),
                key=path,
                category=category[0],
                product=path.split("/")[-2] if path.count("/") >= 2 else "",
                split=splits.split_of(position),
                box=None if pictures.highres else boxes.box_of(position),
                attributes=values,
                unrotated=True,
            )
        yield from pictures.location_faults()
        yield from self._main.faults

    def _category_cells(self, number: int, cells: list[str]) -> tuple[list[str], RowFault | None]:
        """The cells of the category's own row: labels count from 1."""
        if len(cells) != 2 or not cells[1].isdecimal():
            return [], RowFault(number, cells[0], "broken-row", "The row should be a path and a number.")
        label = int(cells[1], 10)
        if not 1 <= label <= len(self._categories):
            message = f"There is no category {label}; there are {len(self._categories)}."
            return [], RowFault(number, cells[0], "unknown-category", message)
        return self._categories[label - 1], None

    def _read_boxes(self, index: PathIndex) -> Boxes:
        path = find_file(self.root, self._folders, ["list_bbox.txt"])
        return Boxes.read(path, index)

    def _read_splits(self, index: PathIndex) -> Splits:
        path = find_file(self.root, ("Eval", *self._folders, ""), ["list_eval_partition.txt"])
        if path is not None and not (self.root / self._folders[0] / "train.txt").is_file():
            return Splits.read(Listing(path), index)
        return Splits.of_files(self.root / self._folders[0], index)

    def _read_attributes(self, index: PathIndex) -> Attributes:
        names = find_file(self.root, self._folders, ["list_attr_cloth.txt"])
        values = find_file(self.root, self._folders, ["list_attr_img.txt"])
        return Attributes.read(names, values, index)
