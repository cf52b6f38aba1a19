"""A catalogue with pictures, drawn for these tests: products in two colours of stripes, two domains each."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

CATEGORIES = ("dress", "shirt", "hat")


def draw(folder: Path, products: int = 30, pictures: int = 4, *, seed: int = 0) -> Path:
    """Pictures of striped products and an `items.csv`; a category has its own direction, a product its colours."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for product in range(products):
        category = product % len(CATEGORIES)
        colours = rng.integers(0, 256, (2, 3))
        width = int(rng.integers(4, 12))
        for number in range(pictures):
            name = f"p{product:02d}-{number}.png"
            Image.fromarray(_stripes(rng, category, colours, width)).save(folder / name)
            rows.append(
                {
                    "path": name,
                    "category": CATEGORIES[category],
                    "product": f"product-{product:02d}",
                    "domain": "shop" if number == 0 else "street",
                    "width": "wide" if width > 7 else "narrow",
                    "tone": "" if product % 5 == 0 else "dark" if colours.mean() < 128 else "light",
                }
            )
    table = folder / "items.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table


def _stripes(rng: np.random.Generator, category: int, colours: np.ndarray, width: int) -> np.ndarray:
    """64 x 64 stripes: across, down or slanted; shifted and noisy in every picture."""
    y, x = np.mgrid[:64, :64]
    line = (x, y, x + y)[category] + int(rng.integers(0, 24))
    picture = colours[(line // width) % 2] + rng.normal(0, 12, (64, 64, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture
def striped(tmp_path: Path, db: None) -> str:
    """The slug of an imported catalogue of 120 such pictures, and a registered `tiny` and `colours`."""
    table = draw(tmp_path / "striped")
    call_command("import_catalogue", "striped", str(table))
    call_command("register_model", "tiny-vgg", name="tiny")
    call_command("register_model", "colour-histogram", name="colours")
    return "striped"
