"""DeepFashion, Consumer-to-shop: pairs of a consumer's photo and a shop's picture of one product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evalapp.catalog.domain.importers.data_set_files import PicturesAt, find_file, need_file, no_mapping, root_of
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.domain.importers.published.item_lists import ItemAttributes, check_item_list
from evalapp.catalog.domain.importers.published.list_files import Listing, PathIndex
from evalapp.catalog.domain.importers.published.picture_labels import SPLITS, Boxes
from evalapp.catalog.domain.seen_keys import SeenKeys

_FOLDERS = ("Anno", "Eval", "")
_ITEM_LISTS = ["list_item_consumer2shop.txt", "list_items_consumer2shop.txt"]
CONSUMER, SHOP = "consumer", "shop"


class Consumer2ShopSource:
    """`path` is the data set's folder. Every picture of the pairs is one item, however often it occurs."""

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        no_mapping("consumer2shop", mapping)
        self.root = root_of(path, ("Anno", "Eval", "Img", "img"))
        self._main = Listing(
            need_file(self.root, ("Eval", "Anno", ""), ["list_eval_partition.txt"], "Consumer-to-shop")
        )

    def count(self) -> int:
        # Every pair brings a consumer's photo of its own; shop pictures are about a fifth as many.
        return self._main.declared_count or 0

    def rows(self) -> Iterator[Record | RowFault]:
        index = PathIndex(path for _, cells in Listing(self._main.path).rows() for path in cells[:2])
        boxes = Boxes.read(find_file(self.root, _FOLDERS, ["list_bbox_consumer2shop.txt"]), index, first=3)
        attributes = ItemAttributes.read(self.root, _FOLDERS)
        yield from boxes.faults
        yield from attributes.faults
        yield from check_item_list(find_file(self.root, _FOLDERS, _ITEM_LISTS))
        seen_keys = SeenKeys()
        pictures = PicturesAt(self.root)
        for number, cells in self._main.rows():
            if len(cells) != 4 or cells[3] not in SPLITS:
                message = "The row should be two paths, a product and train, val or test."
                yield RowFault(number, cells[0], "broken-row", message)
                continue
            for path, domain in ((cells[0], CONSUMER), (cells[1], SHOP)):
                if not seen_keys.add_key(path):
                    continue
                folders = path.split("/")
                yield Record(
                    number,
                    pictures.path_of(path),
                    key=path,
                    category=folders[-3] if len(folders) > 3 else "",
                    product=cells[2],
                    domain=domain,
                    split=cells[3],
                    box=None if pictures.highres else boxes.box_of(index.find_path(path)),
                    attributes=attributes.attributes_of(cells[2]),
                    unrotated=True,
                )
        yield from pictures.location_faults()
        yield from self._main.faults
