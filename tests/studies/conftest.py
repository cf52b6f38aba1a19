"""A small catalogue with real files: plain coloured cards, so that a colour histogram knows which belong together."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from evalapp.catalog.models import Catalogue

HUES = {"red": 0.0, "green": 0.33, "blue": 0.66}
PER_HUE = 8


def draw_cards(folder: Path) -> Path:
    """Eight noisy cards of each of three hues, two pictures of every product, listed in a CSV."""
    random = np.random.default_rng(5)
    lines = ["path,category,product"]
    for category, hue in HUES.items():
        for number in range(PER_HUE):
            colour = np.array(colorsys.hsv_to_rgb(hue + random.normal(0, 0.01), 0.8, 0.8)) * 255
            pixels = np.clip(colour + random.normal(0, 12, (48, 40, 3)), 0, 255).astype(np.uint8)
            name = f"{category}-{number}.png"
            Image.fromarray(pixels).save(folder / name)
            lines.append(f"{name},{category},{category}-{number // 2}")
    (folder / "items.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "items.csv"


@pytest.fixture
def cards(db: None, tmp_path: Path) -> Catalogue:
    """The cards, imported, and a model that sees colours."""
    (tmp_path / "cards").mkdir()
    call_command("import_catalogue", "cards", str(draw_cards(tmp_path / "cards")))
    call_command("register_model", "colour-histogram", name="colours")
    return Catalogue.objects.get(slug="cards")
