"""The sample photographs as recipes take them: labels from `items.csv`, vectors of an ONNX network made here."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np

from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
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
