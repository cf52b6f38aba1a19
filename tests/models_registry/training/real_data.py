"""The sample photographs as recipes take them: labels from `items.csv`, vectors of an ONNX network made here."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.joint_encoder import side_by_side
from models_registry.registry import describe, load
from models_registry.spec import Box
from models_registry.store import Vectors
from models_registry.training.labels.labelled_pictures import LabelledPictures

OPTIONS = {"tap": "embedding", "mean": "0.5", "std": "0.5", "resize": "squash"}
_KNOWN = {"path", "key", "image", "category", "product", "domain", "split", "x1", "y1", "x2", "y2"}


def photographs(folder: Path, network: Path, *, every: int = 1) -> LabelledPictures:
    """Every so-many-th picture of `folder` with its vectors of the ONNX file `network`."""
    return _learnable(folder, "image", f"onnx:{network}", OPTIONS, "embedding", network, every)


def drawn(folder: Path) -> LabelledPictures:
    """The demo catalogue in `folder` over tiny-vgg's convolutions."""
    return _learnable(folder, "path", "tiny-vgg", {"tap": "pool5"}, "pool5", None, 1)


def in_the_box(folder: Path) -> LabelledPictures:
    """All pictures of `folder` with the vectors of EfficientNet-Lite0, whose weights come with the product."""
    return _learnable(folder, "image", "efficientnet-lite0", {}, "embedding", None, 1)


def side_by_side_vectors(first: LabelledPictures, second: LabelledPictures) -> LabelledPictures:
    """The same pictures with both networks' vectors, each at length 1, as a joint of two bases has them."""
    rows = np.arange(len(first))
    vectors = side_by_side([first.vectors.take(rows), second.vectors.take(rows)])
    return replace(first, vectors=Vectors.from_array(vectors))


def as_departments(grocery: LabelledPictures, clothing: LabelledPictures) -> LabelledPictures:
    """One shop of three departments: packages, vegetables and clothes; what is alike is told by the category."""
    clothes = [{"department": "Clothes"} for _ in clothing.keys]
    vectors = [data.vectors.take(np.arange(len(data))) for data in (grocery, clothing)]
    both = {
        name: [*getattr(grocery, name), *getattr(clothing, name)]
        for name in ("keys", "sha256s", "pictures", "categories", "products")
    }
    nothing: list[str | None] = [None] * len(both["keys"])
    return replace(
        grocery,
        name="departments",
        **both,
        domains=nothing,
        splits=nothing,
        attributes=[*grocery.attributes, *clothes],
        vectors=Vectors.from_array(np.concatenate(vectors)),
    )


def _learnable(
    folder: Path, column: str, source: str, options: dict[str, str], tap: str, weights: Path | None, every: int
) -> LabelledPictures:
    with (folder / "items.csv").open(encoding="utf-8", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: row[column])[::every]
    spec = describe(source, options=options)
    encoder = load(spec, device="cpu")
    assert isinstance(encoder, Encoder)
    pictures = [Picture(row[column], folder / row[column], _box(row)) for row in rows]
    vectors = np.concatenate([batch.vectors[tap] for batch in embed(encoder, pictures, taps=[tap])])
    return LabelledPictures(
        name=folder.name,
        keys=[row[column] for row in rows],
        sha256s=[hashlib.sha256((folder / row[column]).read_bytes()).hexdigest() for row in rows],
        pictures=pictures,
        categories=[row.get("category") or None for row in rows],
        products=[row.get("product") or None for row in rows],
        domains=[row.get("domain") or None for row in rows],
        splits=[row.get("split") or None for row in rows],
        attributes=[{name: value for name, value in row.items() if name not in _KNOWN and value} for row in rows],
        base=spec,
        base_tap=tap,
        base_weights=weights,
        vectors=Vectors.from_array(vectors),
    )


def _box(row: dict[str, str]) -> Box | None:
    return Box(*(int(row[name]) for name in ("x1", "y1", "x2", "y2"))) if row.get("x1") else None
