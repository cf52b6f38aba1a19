"""What is in the middle of a picture, and of what texture: a description that needs no weights.

Networks that name things are made not to see how a thing is coloured and woven; people who compare things go by it.
The middle is a soft window, a bell as wide as an even square over half of each side, so that a background counts
little. Blocks are small, so that votes can weigh one thing at a time; each has length 1:

    middle     colours of the window in CIELAB, a histogram between whose bins every pixel is shared out
    shade      mean of L, a and b in the window
    contrast   spread of L, a and b in the window
    pattern    local binary patterns (uniform, whichever way they are turned; Ojala et al., 2002) at three radii
    grain      strength of edges and of spots at four scales
    direction  shares of the edges' four directions at four scales

Numbers of `shade`, `contrast` and `grain` are written on soft scales: a number is a bump on a row of marks, so that
near numbers have near vectors and a map can weigh every mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.descriptions.description_family import DescriptionFamily, unit_rows
from models_registry.encoders.descriptions.middle_window import lab_of, mean_and_spread, soft_window
from models_registry.encoders.encoder_base import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.encoders.encoder_base import Vectors

    Floats = NDArray[np.float32]

_SIDE = 96
_LAB_MARKS = ((0.0, 100.0, 5), (-50.0, 60.0, 6), (-50.0, 60.0, 6))
"""Lowest and highest mark of L, a and b, and how many marks."""
_MEAN_MARKS = ((0.0, 100.0, 14), (-40.0, 50.0, 18), (-40.0, 50.0, 18))
_SPREAD_MARKS = ((0.0, 35.0, 10), (0.0, 25.0, 10), (0.0, 25.0, 10))
_RADII = (1, 2, 4)
_PATTERNS = 10
_STEPS_OF_LIGHT = 2.0
"""Differences of lightness below this are noise, not a pattern."""
_SCALES, _DIRECTIONS = 4, 4
_GRAIN_MARKS = (-1.2, 2.8, 14)
_FAINT = 0.3
"""Added to a strength before its logarithm is taken: what is fainter than this is plain."""

_WIDTHS = {
    "middle": int(np.prod([marks for _, _, marks in _LAB_MARKS])),
    "shade": sum(marks for _, _, marks in _MEAN_MARKS),
    "contrast": sum(marks for _, _, marks in _SPREAD_MARKS),
    "pattern": _PATTERNS * len(_RADII),
    "grain": _SCALES * 2 * _GRAIN_MARKS[2],
    "direction": _SCALES * _DIRECTIONS,
}
_ENDS = np.cumsum(list(_WIDTHS.values())).tolist()
BLOCKS = {name: (end - width, end) for (name, width), end in zip(_WIDTHS.items(), _ENDS, strict=True)}


class Surface(Encoder):
    """The description of prepared pictures, values 0 to 1."""

    def _forward_batch(self, batch: Floats, taps: Sequence[str]) -> Vectors:
        lab = lab_of(batch)
        light = lab[:, 0]
        blocks = [
            _middle_colours(lab),
            *_shade_and_contrast(lab),
            _binary_patterns(light),
            *_grain_and_direction(light),
        ]
        return dict.fromkeys(taps, np.concatenate([unit_rows(block) for block in blocks], axis=1))


def _middle_colours(lab: Floats) -> Floats:
    """Root shares of the window's colours [n, marks of L x a x b], a pixel shared among eight marks around it."""
    window = np.broadcast_to(soft_window(_SIDE), lab[:, 0].shape)
    corners = [(np.zeros(window.shape, dtype=np.int64), window)]
    for channel, (low, high, marks) in enumerate(_LAB_MARKS):
        position = np.clip((lab[:, channel] - low) / (high - low) * (marks - 1), 0, marks - 1 - 1e-4)
        below = position.astype(np.int64)
        above = position - below
        corners = [
            (cell * marks + below + step, weight * (above if step else 1 - above))
            for cell, weight in corners
            for step in (0, 1)
        ]
    return np.sqrt(sum(_count_cells(cell, weight, _WIDTHS["middle"]) for cell, weight in corners))


def _shade_and_contrast(lab: Floats) -> tuple[Floats, Floats]:
    """Mean and spread of each channel in the window, on soft scales."""
    mean, spread = mean_and_spread(lab)
    return _on_scales(mean, _MEAN_MARKS), _on_scales(spread, _SPREAD_MARKS)


def _binary_patterns(light: Floats) -> Floats:
    """Root shares of the local binary patterns in the window, [n, patterns x radii]."""
    from scipy.ndimage import gaussian_filter

    steps = np.round(gaussian_filter(light, (0, 0.7, 0.7)) / _STEPS_OF_LIGHT)
    window = np.broadcast_to(soft_window(_SIDE), light.shape)
    turns = np.arange(8) * np.pi / 4
    parts = []
    for radius in _RADII:
        around = np.pad(steps, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
        offsets = [(round(radius * np.sin(turn)), round(radius * np.cos(turn))) for turn in turns]
        bits = np.stack(
            [around[:, radius + y : radius + y + _SIDE, radius + x : radius + x + _SIDE] >= steps for y, x in offsets]
        )
        changes = (bits != np.roll(bits, 1, axis=0)).sum(axis=0)
        code = np.where(changes <= 2, bits.sum(axis=0), _PATTERNS - 1)
        parts.append(np.sqrt(_count_cells(code, window, _PATTERNS)))
    return np.concatenate(parts, axis=1)


def _grain_and_direction(light: Floats) -> tuple[Floats, Floats]:
    """Logarithms of the strength of edges and spots in the window at each scale, on soft scales; and root shares of
    the edges' directions."""
    from scipy.ndimage import gaussian_filter, laplace

    strengths, directions = [], []
    for _ in range(_SCALES):
        window = np.broadcast_to(soft_window(light.shape[-1]), light.shape)
        down, across = np.gradient(light, axis=(1, 2))
        turn = (np.arctan2(down, across) % np.pi) / np.pi
        # Upright and level edges lie in the middle of their sector.
        sector = (turn * _DIRECTIONS + 0.5).astype(np.int64) % _DIRECTIONS
        edges = _count_cells(sector, window * np.hypot(down, across), _DIRECTIONS)
        spots = (window * np.abs(np.stack([laplace(one) for one in light]))).sum(axis=(1, 2))
        strengths += [edges.sum(axis=1), spots]
        directions.append(edges + _FAINT)
        light = gaussian_filter(light, (0, 1, 1))[:, ::2, ::2]
    grain = np.log(np.stack(strengths, axis=1) + _FAINT)
    shares = [np.sqrt(edges / edges.sum(axis=1, keepdims=True)) for edges in directions]
    return _on_scales(grain, [_GRAIN_MARKS] * grain.shape[1]), np.concatenate(shares, axis=1)


def _on_scales(values: NDArray[Any], marks: Sequence[tuple[float, float, int]]) -> Floats:
    """Numbers [n, k], each on its own scale, side by side."""
    return np.concatenate([_on_scale(column, *scale) for column, scale in zip(values.T, marks, strict=True)], axis=1)


def _on_scale(values: NDArray[Any], low: float, high: float, marks: int) -> Floats:
    """Numbers [n] as bumps on a row of marks, [n, marks]: the two marks around a number share 1."""
    position = np.clip((values - low) / (high - low), 0, 1) * (marks - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(position[:, None] - np.arange(marks))), dtype=np.float32)


def _count_cells(cell: NDArray[np.int64], weight: NDArray[Any], bins: int) -> Floats:
    """Weighted histogram per picture of [n, h, w] cell numbers, [n, bins]."""
    count = len(cell)
    flat = (cell + np.arange(count)[:, None, None] * bins).ravel()
    return np.bincount(flat, weight.ravel(), minlength=count * bins).reshape(count, bins).astype(np.float32)


FAMILY = DescriptionFamily("surface", _SIDE, BLOCKS, Surface)
