"""A world of people and pairs whose approvals are known: difficulty, quality, leniency, taste, blindness, visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

FloatArray = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)


@dataclass(frozen=True, slots=True)
class People:
    """Who votes. Standard deviations are on the log-odds; `visit` is the mean number of votes, `heavy` the share of
    voters who cast ten times as many; `blind` answer with a coin; `taste` is each voter's own leaning per contender."""

    leniency: float = 0.8
    blind: float = 0.1
    taste: float = 0.0
    visit: float = 20.0
    heavy: float = 0.0


@dataclass(frozen=True, slots=True)
class World:
    """K pairs of Q queries, who of M contenders put them first, how people like them, and the approvals that follow."""

    members: NDArray[np.bool_]
    places: NDArray[np.intp]
    queries: int
    logits: FloatArray
    people: People
    truth: FloatArray

    @property
    def contenders(self) -> int:
        return self.members.shape[1]


def world_of(
    approvals: Sequence[float],
    overlap: float | NDArray[np.float64],
    rng: np.random.Generator,
    *,
    queries: int = 1000,
    people: People | None = None,
    difficulty: float = 1.0,
    quality: float = 0.7,
    families: Sequence[int] | None = None,
    across: float = 0.0,
) -> World:
    """Contenders with these approvals, two of which put the same pair first on a share `overlap` of the queries.

    With `families` (a number per contender) that is so inside a family, and `across` families with another share.
    """
    people = people or People()
    choice = _choices(len(approvals), queries, overlap, rng, families, across)
    keys = choice + np.arange(queries) * (choice.max() + 1)
    _, pairs = np.unique(keys, return_inverse=True)
    pairs = pairs.reshape(choice.shape)
    count = int(pairs.max()) + 1
    members = np.zeros((count, len(approvals)), dtype=bool)
    places = np.zeros(count, dtype=np.intp)
    for one, row in enumerate(pairs):
        members[row, one] = True
        places[row] = np.arange(queries)
    base = rng.normal(0, difficulty, queries)[places] + rng.normal(0, quality, count)
    # What several nominate is liked more: as much as half a quality per further contender, up to one and a half.
    base = base + 0.35 * np.minimum(members.sum(axis=1) - 1, 3)
    logits = _calibrated(base, members, np.asarray(approvals, dtype=np.float64), people)
    return World(members, places, queries, logits, people, approvals_of(logits, members, people))


def approvals_of(logits: FloatArray, members: NDArray[np.bool_], people: People) -> FloatArray:
    """A_i: the mean over queries of what a random visitor, blind ones among them, says to i's pair."""
    liked = liked_by_visitors(logits, people)
    columns = members.astype(np.float64)
    return (liked @ columns) / columns.sum(axis=0)


def liked_by_visitors(logits: FloatArray, people: People) -> FloatArray:
    """P(dope) of each pair [K], averaged over visitors."""
    spread = np.hypot(people.leniency, people.taste)
    honest = expit(logits[:, None] + spread * _NODES) @ (_WEIGHTS / _WEIGHTS.sum())
    return (1 - people.blind) * honest + people.blind * 0.5


def _calibrated(base: FloatArray, members: NDArray[np.bool_], wanted: FloatArray, people: People) -> FloatArray:
    """Shift each pair by the mean of what its contenders need, until all approvals are as wanted."""
    shifts = np.full(len(wanted), 0.0)
    middle = np.log(wanted.mean() / (1 - wanted.mean()))

    def logits() -> FloatArray:
        return base + middle + (members * shifts).sum(axis=1) / members.sum(axis=1)

    for _ in range(200):
        gap = wanted - approvals_of(logits(), members, people)
        if np.abs(gap).max() < 1e-6:
            break
        shifts = shifts + 5.0 * gap
    return logits()


def _choices(
    contenders: int,
    queries: int,
    overlap: float | NDArray[np.float64],
    rng: np.random.Generator,
    families: Sequence[int] | None,
    across: float,
) -> NDArray[np.int64]:
    """[M, Q] numbers of candidates: 0 is everybody's, then one per family, then each contender's own."""
    family = np.zeros(contenders, dtype=np.int64) if families is None else np.asarray(families)
    common = np.sqrt(across if families is not None else float(np.max(overlap)))
    inside = 0.0 if families is None else (float(np.max(overlap)) - common) / (1 - common)
    own = 1 + family.max() + 1 + np.arange(contenders)
    choice = np.repeat(own[:, None], queries, axis=1)
    kin = rng.random((contenders, queries)) < np.sqrt(max(inside, 0.0))
    choice = np.where(kin, 1 + family[:, None], choice)
    # A whole family follows the crowd or does not, so that its inner overlap stays as wanted.
    follows = rng.random((family.max() + 1, queries))[family] if families is not None else rng.random(choice.shape)
    return np.where(follows < common, 0, choice)
