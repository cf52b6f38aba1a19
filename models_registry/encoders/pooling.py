"""Tokens or places made into one vector a picture.

cls         the first token, where the network has one that stands for the picture
mean        the mean over all tokens or places
patch-mean  the mean over the tokens of patches alone, without a first token and without registers
gem         the same tokens, by a generalised mean with the power 3 (Radenovic and others, 2018): large values count
            for more, and those below zero for nothing
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

POOLS = ("cls", "mean", "patch-mean", "gem")
POWER = 3.0
LEAST = 1e-6


def pool_states(states: Floats, pool: str) -> Floats:
    """Vectors [n, c] of tokens [n, t, c] or of a map [n, c, h, w]; raises ValueError for `cls` of a map."""
    if states.ndim == 4:
        if pool == "cls":
            raise ValueError("a map of places has no first token")
        tokens_of_map = states.reshape(*states.shape[:2], -1).transpose(0, 2, 1)
        tokens, in_front = tokens_of_map, 0
    else:
        tokens, in_front = states, tokens_in_front(states.shape[1])
    if pool == "cls":
        return np.asarray(tokens[:, 0], dtype=np.float32)
    if pool == "mean":
        return np.asarray(tokens.mean(axis=1), dtype=np.float32)
    patches = tokens[:, in_front:]
    if pool == "patch-mean":
        return np.asarray(patches.mean(axis=1), dtype=np.float32)
    powers = np.maximum(patches, np.float32(LEAST)) ** np.float32(POWER)
    return np.asarray(powers.mean(axis=1) ** np.float32(1 / POWER), dtype=np.float32)


def tokens_in_front(tokens: int) -> int:
    """How many of so many tokens are not patches, if these are a square: 1 of 197, 5 of 201, none of 49."""
    return tokens - math.isqrt(tokens) ** 2
