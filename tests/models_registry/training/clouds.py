"""Labelled vectors drawn for tests: a cloud per product around its category's centre, and plain pictures."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from models_registry.embed import Picture
from models_registry.encoders.checkpoint import HEAD, read_tensors
from models_registry.registry import describe
from models_registry.store import Vectors
from models_registry.training.labels.labelled_pictures import LabelledPictures

WIDTH = 256


def clouds(products: int = 40, pictures: int = 4, categories: int = 4, seed: int = 0) -> LabelledPictures:
    """`products` x `pictures` vectors [n, 256] as if from tiny-vgg at fc6; two of every product are from the street."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((categories, WIDTH)) * 0.5
    rows = []
    names = []
    for product in range(products):
        middle = centres[product % categories] + rng.standard_normal(WIDTH) * 0.5
        for number in range(pictures):
            rows.append(middle + rng.standard_normal(WIDTH))
            names.append((product, number))
    keys = [f"p{product:03d}-{number}" for product, number in names]
    return LabelledPictures(
        name="clouds",
        keys=keys,
        sha256s=[hashlib.sha256(key.encode()).hexdigest() for key in keys],
        pictures=[Picture(key, _plain) for key in keys],
        categories=[f"category-{product % categories}" for product, _ in names],
        products=[f"product-{product}" for product, _ in names],
        domains=["street" if number % 2 else "shop" for _, number in names],
        splits=[None] * len(keys),
        attributes=[{} for _ in keys],
        base=describe("tiny-vgg"),
        base_tap="fc6",
        base_weights=None,
        vectors=Vectors.from_array(np.array(rows, dtype=np.float32)),
    )


def head_of(folder: Path) -> dict[str, np.ndarray]:
    """The head's tensors of a written encoder."""
    return read_tensors(folder / HEAD)


@cache
def _plain() -> bytes:
    stored = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 120, 40)).save(stored, "PNG")
    return stored.getvalue()
