"""The splits that a catalogue came with, as the papers use them: what is missing is cut from what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_registry.evaluate import split_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_registry.evaluate.leak_free_splits import Split
    from models_registry.training.labels.label_configs import LoopConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures

QUERY, GALLERY = "query", "gallery"
_PARTS = {"train": "train", "val": "val", "validation": "val", "test": "test", QUERY: "test", GALLERY: "test"}


def published_splits(data: LabelledPictures, config: LoopConfig) -> list[str]:
    """`train`, `val`, `test` or nothing for each picture.

    - `query` and `gallery` (In-shop) are the test part; who asks and who answers follows from the column itself.
    - Without a validation part (Stanford Online Products, In-shop) the share `validation_share` of the training
      products becomes it, so that the test part stays untouched.
    - A picture without a split (the shop's in Street2Shop) goes where its product's pictures with one go, to the test
      part where they go to both.
    """
    parts = [_PARTS.get((split or "").lower(), "") for split in data.splits]
    of_product: dict[str, str] = {}
    for part, product in zip(parts, data.products, strict=True):
        if part and product and of_product.get(product) != "test":
            of_product[product] = part
    parts = [part or of_product.get(product or "", "") for part, product in zip(parts, data.products, strict=True)]
    if "val" in parts:
        return parts
    shares: Mapping[Split, float] = {"train": 1 - config.validation_share, "val": config.validation_share, "test": 0.0}
    return [
        split_of(f"product/{product}" if product else f"item/{sha256}", salt=config.salt, shares=shares)
        if part == "train"
        else part
        for part, product, sha256 in zip(parts, data.products, data.sha256s, strict=True)
    ]
