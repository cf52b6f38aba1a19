"""How little would turn the board: votes or voters whose removal swaps two neighbours, and what each voter moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_PLACES = 9


def fewest_removed(liked: FloatArray, mass: FloatArray) -> int | None:
    """How many of n units (votes or voters) have to go until the first contender is not above the second any more.

    `liked` and `mass` [n, 2]: each unit's Σ w y and Σ w on either contender's pairs; an approval is Σ liked / Σ mass.
    Units go in the order of what they do for the lead, (liked_1 - c mass_1) / Σ mass_1 - the same of 2, for some places
    c between the approvals where both may meet, and the lead is worked out exactly after each. The best of these is
    enough, and can rarely be undercut. None if no number is enough.

    >>> liked = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    >>> mass = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 2 + [[0.0, 1.0], [1.0, 0.0]])
    >>> fewest_removed(liked, mass)
    1
    """
    totals, masses = liked.sum(axis=0), mass.sum(axis=0)
    if (masses <= 0).any() or totals[0] / masses[0] <= totals[1] / masses[1]:
        return 0
    shares = totals / masses
    found = [_removed_at(liked, mass, place) for place in np.linspace(shares[1], shares[0], _PLACES)]
    return min((one for one in found if one is not None), default=None)


def _removed_at(liked: FloatArray, mass: FloatArray, place: float) -> int | None:
    totals, masses = liked.sum(axis=0), mass.sum(axis=0)
    influence = (liked - place * mass) / masses
    order = np.argsort(influence[:, 1] - influence[:, 0], kind="stable")
    left_liked = totals - np.cumsum(liked[order], axis=0)
    left_mass = masses - np.cumsum(mass[order], axis=0)
    known = (left_mass > 1e-9 * masses).all(axis=1)
    safe = np.where(left_mass > 0, left_mass, 1.0)
    swapped = known & (left_liked[:, 0] / safe[:, 0] <= left_liked[:, 1] / safe[:, 1] + 1e-12)
    return int(np.argmax(swapped)) + 1 if swapped.any() else None


def leave_one_out(liked: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest approval of each contender [M] when any one of V voters is left out; rows [V, M].

    A contender that loses all its votes with one voter is not judged by that one; without votes it is nan.

    >>> low, high = leave_one_out(np.array([[2.0], [1.0], [0.0]]), np.array([[2.0], [2.0], [1.0]]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.333], [0.75])
    """
    totals, masses = liked.sum(axis=0), mass.sum(axis=0)
    rest = masses - mass
    has_rest = rest > 1e-9 * np.maximum(masses, 1.0)
    shares = np.where(has_rest, (totals - liked) / np.where(has_rest, rest, 1.0), np.nan)
    empty = ~has_rest.any(axis=0)
    low = np.where(empty, np.nan, np.min(np.where(has_rest, shares, np.inf), axis=0, initial=np.inf))
    high = np.where(empty, np.nan, np.max(np.where(has_rest, shares, -np.inf), axis=0, initial=-np.inf))
    return low, high
