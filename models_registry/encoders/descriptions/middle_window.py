"""The soft window over the middle of a picture, and the colours in it as people tell them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_BELL_WIDTH = 0.15
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])
"""From linear sRGB to CIE XYZ over the white point D65."""


def soft_window(side: int) -> Floats:
    """A bell [side, side] as wide as an even square over half of each side; its weights sum to 1."""
    position = (np.arange(side) + 0.5) / side - 0.5
    bell = np.exp(-(position**2) / (2 * _BELL_WIDTH**2))
    window = bell[:, None] * bell[None]
    return np.asarray(window / window.sum(), dtype=np.float32)


def lab_of(batch: Floats) -> Floats:
    """CIELAB [n, 3, h, w] of sRGB values 0 to 1."""
    rgb = np.clip(batch, 0, 1)
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = np.einsum("ij,njhw->nihw", _TO_XYZ.astype(np.float32), linear)
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[:, 0], root[:, 1], root[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1).astype(np.float32)


def mean_and_spread(lab: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation [n, 3] of each channel in the window."""
    window = soft_window(lab.shape[-1])
    mean = np.einsum("nchw,hw->nc", lab, window)
    spread = np.sqrt(np.einsum("nchw,hw->nc", (lab - mean[:, :, None, None]) ** 2, window))
    return mean, spread
