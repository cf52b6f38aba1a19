"""Patterns of lines: stripes, gingham and tartan, as tiles that repeat without a seam."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalapp.demo.palette import RGB, luminance

if TYPE_CHECKING:
    from evalapp.demo.garments import Garment

Tile = NDArray[np.uint8]
Band = tuple[float, RGB]
"""A width (in any unit: the tile is scaled to its period) and the colour it has."""


def _thread_colours(bands: list[Band], period: int) -> NDArray[np.float32]:
    """One period of coloured threads, shape (period, 3), edges smoothed over a pixel."""
    fine = 8
    ends = np.cumsum([width for width, _ in bands])
    positions = (np.arange(period * fine) + 0.5) / (period * fine) * ends[-1]
    colours = np.array([colour for _, colour in bands], dtype=np.float32)
    return np.asarray(colours[np.searchsorted(ends, positions)].reshape(period, fine, 3).mean(axis=1), dtype=np.float32)


def _period_pixels(units: float, scale: float) -> int:
    return max(4, round(units * scale))


def stripes_tile(garment: Garment, scale: float) -> Tile:
    """Breton, banker's, even, paired or many-coloured stripes, along the warp."""
    base, second, third = garment.base, garment.second, garment.third
    kinds: list[tuple[float, list[Band]]] = [
        (4.2, [(3.0, base), (1.4, second)]),
        (6.4, [(1.0, base), (1.0, second)]),
        (2.6, [(3.0, base), (1.0, second)]),
        (9.0, [(6.0, base), (1.0, second), (1.2, base), (1.0, second)]),
        (10.0, [(3.4, base), (2.2, second), (1.0, base), (1.2, third)]),
        (14.0, [(1.0, base), (1.0, second)]),
    ]
    units, bands = kinds[garment.motif % len(kinds)]
    row = _thread_colours(bands, _period_pixels(units * garment.period, scale))
    return row.round().astype(np.uint8)[None, :, :]


def gingham_tile(garment: Garment, scale: float) -> Tile:
    """Two colours crossing: squares of one, of the other, and of both."""
    row = _thread_colours(
        [(1.0, garment.second), (1.0, garment.base)],
        _period_pixels((4.0, 5.6, 7.6)[garment.motif % 3] * garment.period, scale),
    )
    return ((row[None, :, :] + row[:, None, :]) / 2).round().astype(np.uint8)


def tartan_tile(garment: Garment, scale: float) -> Tile:
    """A symmetric sett of three colours and a fine light line, the same along warp and weft, in 2/2 twill."""
    base, second, third = garment.base, garment.second, garment.third
    fine = (250, 240, 214) if luminance(base) < 0.6 else (150, 50, 50)
    setts: list[list[Band]] = [
        [(6, base), (4, second), (1, fine), (4, second), (2, base), (0.8, third)],
        [(5, base), (1, fine), (3, base), (5, second), (1, third), (1, second)],
        [(8, base), (3, second), (2, base), (3, second), (3, base), (0.9, fine)],
    ]
    half = setts[garment.motif % len(setts)]
    bands = [*half, *half[::-1]]
    period = max(8, _period_pixels((17.0, 22.0, 14.0)[garment.motif // 3 % 3] * garment.period, scale) // 4 * 4)
    row = _thread_colours(bands, period)
    y, x = np.indices((period, period))
    twill = (((x + y) // max(1, round(scale * 0.16))) % 4 < 2).astype(np.float32)[..., None]
    share = 0.5 + (twill - 0.5) * 0.24
    return (row[None, :, :] * share + row[:, None, :] * (1 - share)).round().astype(np.uint8)
