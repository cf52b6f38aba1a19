"""Random choices that depend on names alone: stable when other names come and go, equal on every machine.

A name and a seed give 64 bits that look random; the lowest of a set are a uniform sample of it. When the set changes,
the sample changes only where it must, which a generator that draws in turn could not promise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def name_words(names: Iterable[str]) -> Words:
    """64 bits of the BLAKE2b hash of each name [n]."""
    hashes = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)


def mix_words(hashes: Words, seed: int) -> Words:
    """Words [n] scattered anew for each seed: the finaliser of splitmix64 (Steele, Lea and Flood 2014), twice."""
    return _finalise_bits(_finalise_bits(hashes + np.uint64((seed + 1) * _GOLDEN & _MASK)))


def sample_positions(hashes: Words, size: int, seed: int) -> NDArray[np.int64]:
    """Positions of a uniform sample of `size` of the words (all where there are fewer), in an order by chance."""
    return np.argsort(mix_words(hashes, seed), kind="stable")[:size].astype(np.int64)


def _finalise_bits(hashes: Words) -> Words:
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
