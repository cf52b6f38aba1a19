"""Patterns are really there, and their tiles repeat without a seam."""

from dataclasses import replace

import numpy as np
import pytest

from evalapp.demo.fabrics import bolt_for
from evalapp.demo.fabrics.weaves import rib_tile, weave_tile
from evalapp.demo.garments import Garment, garments
from evalapp.demo.pictures import take_shop

SCALE = 8.0


@pytest.fixture(scope="module")
def dress() -> Garment:
    """Dora's dress: navy and white, flared, of smooth cotton."""
    return replace(
        next(garment for garment in garments(7, 15) if garment.category == "dress"),
        colour="navy", second_colour="white", base=(43, 56, 92), second=(247, 245, 240), third=(200, 60, 60),
        material="cotton", detail="shift", neckline="crew", sleeve="sleeveless", length="midi", motif=0, turn=0.0,
    )  # fmt: skip


def chest(garment: Garment) -> np.ndarray:
    """Grey levels, 0…255, of the middle of the garment in its shop picture."""
    picture = take_shop(garment)
    x1, y1, x2, y2 = picture.box
    middle = picture.image.convert("L").crop(
        ((3 * x1 + x2) // 4 + 5, (y1 + y2) // 2, (x1 + 3 * x2) // 4 - 5, (y1 + 4 * y2) // 5)
    )
    return np.asarray(middle, dtype=float)


@pytest.mark.parametrize("pattern", ["dots", "floral", "print"])
@pytest.mark.parametrize("motif", range(6))
def test_a_tile_of_figures_repeats_without_a_seam(dress: Garment, pattern: str, motif: int) -> None:
    tile = bolt_for(replace(dress, pattern=pattern, motif=motif), SCALE).tile
    assert tile is not None
    for axis in (0, 1):
        steps = np.abs(np.diff(tile.astype(float), axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(tile.take(0, axis).astype(float) - tile.take(-1, axis)).mean()
        assert seam <= steps.max(initial=0.0) + 1.0


def test_plain_cloth_has_no_tile(dress: Garment) -> None:
    assert bolt_for(replace(dress, pattern="plain"), SCALE).tile is None


@pytest.mark.parametrize("pattern", ["stripes", "gingham", "tartan", "dots", "floral", "print"])
def test_a_pattern_varies_more_than_the_folds_of_plain_cloth(dress: Garment, pattern: str) -> None:
    plain = chest(replace(dress, pattern="plain")).std()
    assert plain < 12
    assert chest(replace(dress, pattern=pattern)).std() > 2 * plain


def test_stripes_down_a_dress_come_at_their_period(dress: Garment) -> None:
    striped = chest(replace(dress, pattern="stripes", motif=1, period=1.0))
    row = striped.mean(axis=0)
    row -= row.mean()
    spectrum = np.abs(np.fft.rfft(row * np.hanning(len(row)), 1024))
    found = 1024 / (np.argmax(spectrum[8:]) + 8)
    frame_height = 480 * 0.86
    expected = 6.4 * frame_height / _units_tall(dress)
    assert found == pytest.approx(expected, rel=0.12)


def _units_tall(garment: Garment) -> float:
    from evalapp.demo.silhouettes.pieces import Piece
    from evalapp.demo.silhouettes.wardrobe import cut_garment

    pattern = cut_garment(garment)
    every = np.vstack([layer.outline for layer in (*pattern.front, *pattern.back) if isinstance(layer, Piece)])
    return float(every[:, 1].max() - every[:, 1].min() + 2.0)


def test_gingham_is_made_of_two_colours_and_their_mean(dress: Garment) -> None:
    tile = bolt_for(replace(dress, pattern="gingham"), SCALE).tile
    assert tile is not None
    colours, counts = np.unique(tile.reshape(-1, 3), axis=0, return_counts=True)
    usual = {tuple(int(v) for v in colour) for colour in colours[counts > tile.shape[0]]}
    mean = tuple(round((a + b) / 2) for a, b in zip(dress.base, dress.second, strict=True))
    assert {dress.base, dress.second} <= usual
    assert any(max(abs(a - b) for a, b in zip(colour, mean, strict=True)) <= 1 for colour in usual)


@pytest.mark.parametrize("material", ["knit", "cable knit", "denim", "wool", "flannel", "fleece", "linen"])
def test_a_weave_shades_but_never_blackens(material: str) -> None:
    surface = weave_tile(material, SCALE, 3)
    assert surface is not None
    assert 130 < surface.min() < surface.max() <= 255


def test_smooth_cloth_has_no_weave_and_ribs_stand_upright() -> None:
    assert weave_tile("cotton", SCALE, 3) is None
    assert rib_tile(SCALE).shape == (1, 12)
