"""How the middle of a picture looks in a few numbers, and how alike two pictures are in them: needs no weights.

Four kinds of numbers are taken in the soft window over the middle (see `middle_window`):

    tone       mean of L, a and b
    spread     standard deviation of L, a and b
    roughness  logarithms of the standard deviation of lightness in squares of three sizes
    detail     logarithms of the strength of edges and of spots at five scales

Pictures that agree in all numbers of a kind are alike, those that differ in one are not. So each kind is written in
components whose cosine is close to a bell of the distance, exp(-|x - y|² / (2 width²)), and as several blocks: a
narrow bell tells near pictures apart and is nothing to all others, a wide one says of those which is nearer. How much
people go by each is left to be learnt.

Components are cosines and sines along directions drawn for the bell (random Fourier features; Rahimi and Recht, 2007),
evenly spread and without chance: the additive sequence of Roberts (2018), through the inverse normal distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.descriptions.description_family import DescriptionFamily
from models_registry.encoders.descriptions.middle_window import lab_of, mean_and_spread, soft_window
from models_registry.encoders.encoder_base import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.encoders.encoder_base import Vectors

    Floats = NDArray[np.float32]

_SIDE = 192
_SQUARES = (5, 11, 23)
"""Sides of the squares in which roughness is measured."""
_SCALES = 5
_FAINT = 0.3
"""Added to a strength before its logarithm is taken: what is fainter than this is plain."""
DIRECTIONS = 40


@dataclass(frozen=True, slots=True)
class _Bell:
    """One block: the kind of numbers it is about, and how far apart pictures may be to be alike in them."""

    kind: str
    width: float


_BELLS = {
    "tone-coarse": _Bell("tone", 60.0),
    "tone-medium": _Bell("tone", 20.0),
    "tone-fine": _Bell("tone", 7.0),
    "spread-coarse": _Bell("spread", 24.0),
    "spread-fine": _Bell("spread", 6.0),
    "roughness-coarse": _Bell("roughness", 1.0),
    "roughness-fine": _Bell("roughness", 0.25),
    "detail-coarse": _Bell("detail", 2.0),
    "detail-fine": _Bell("detail", 0.5),
}
BLOCKS = {name: (2 * DIRECTIONS * place, 2 * DIRECTIONS * (place + 1)) for place, name in enumerate(_BELLS)}


class Appearance(Encoder):
    """The description of prepared pictures, values 0 to 1."""

    def _forward_batch(self, batch: Floats, taps: Sequence[str]) -> Vectors:
        lab = lab_of(batch)
        tone, spread = mean_and_spread(lab)
        light = lab[:, 0]
        numbers: dict[str, NDArray[Any]] = {
            "tone": tone,
            "spread": spread,
            "roughness": _roughness(light),
            "detail": _detail(light),
        }
        blocks = [bell_components(numbers[bell.kind], bell.width) for bell in _BELLS.values()]
        return dict.fromkeys(taps, np.concatenate(blocks, axis=1))


def bell_components(numbers: NDArray[Any], width: float) -> Floats:
    """Numbers [n, k] as unit vectors [n, 2 x directions] whose cosine is close to exp(-|x - y|² / (2 width²))."""
    turns = numbers @ _even_normals(numbers.shape[1]).T / width
    components = np.concatenate([np.cos(turns), np.sin(turns)], axis=1) / np.sqrt(DIRECTIONS)
    return np.asarray(components, dtype=np.float32)


def _even_normals(dimensions: int) -> NDArray[np.float64]:
    """Points [directions, dimensions] spread as a standard normal distribution, evenly and always the same."""
    from scipy.special import ndtri

    # The root of x^(d + 1) = x + 1; its powers fill the cube evenly whatever the number of points.
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1)
    places = (0.5 + np.arange(1, DIRECTIONS + 1)[:, None] * steps) % 1
    return np.asarray(ndtri(places), dtype=np.float64)


def _roughness(light: Floats) -> NDArray[np.float64]:
    """Logarithms [n, squares] of the standard deviation of lightness around each place, its mean over the window."""
    from scipy.ndimage import uniform_filter

    window = soft_window(light.shape[-1])
    deviations = []
    for side in _SQUARES:
        mean = uniform_filter(light, (0, side, side))
        variance = uniform_filter(light**2, (0, side, side)) - mean**2
        deviations.append(np.einsum("nhw,hw->n", np.sqrt(np.maximum(variance, 0)), window))
    return np.log(np.stack(deviations, axis=1).astype(np.float64) + _FAINT)


def _detail(light: Floats) -> NDArray[np.float64]:
    """Logarithms [n, 2 x scales] of the strength of edges and of spots in the window, from the finest scale on."""
    from scipy.ndimage import gaussian_filter

    strengths = []
    for _ in range(_SCALES):
        window = soft_window(light.shape[-1])
        down, across = np.gradient(light, axis=(1, 2))
        softer = gaussian_filter(light, (0, 1, 1))
        strengths += [np.einsum("nhw,hw->n", size, window) for size in (np.hypot(down, across), np.abs(light - softer))]
        light = softer[:, ::2, ::2]
    return np.log(np.stack(strengths, axis=1).astype(np.float64) + _FAINT)


FAMILY = DescriptionFamily("appearance", _SIDE, BLOCKS, Appearance)
