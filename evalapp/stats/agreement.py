"""How much people agree: Krippendorff's alpha, one-coin Dawid and Skene, the noise ceiling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's alpha with a bootstrap interval over voters; nan where nothing was judged twice or all alike."""

    value: float
    low: float
    high: float
    resamples: int


@dataclass(frozen=True, slots=True)
class OneCoin:
    """Per pair [U] the probability that it is liked, per voter [V] the probability of answering so; the share liked."""

    liked: FloatArray
    accuracy: FloatArray
    share: float
    rounds: int


def krippendorff_alpha(pairs: Codes, answers: ArrayLike) -> float:
    """Agreement beyond chance of yes/no answers (1 or 0) on coded pairs; 1 is perfect, 0 chance (Krippendorff).

        alpha = 1 - D_o / D_e,   D_o = (1/n) Σ_u 2 n_u1 n_u0 / (n_u - 1),   D_e = 2 n_1 n_0 / (n (n - 1))

    over pairs judged at least twice. nan if there is none, or if all their answers are the same.

    >>> round(krippendorff_alpha(np.array([0, 0, 1, 1, 2, 2, 3, 3]), [1, 1, 0, 0, 1, 0, 1, 1]), 4)
    0.5333
    """
    values = np.asarray(answers, dtype=np.float64)
    yes, count = np.bincount(pairs, weights=values), np.bincount(pairs, weights=np.ones(len(values)))
    return float(_alpha_of_sums(yes[None], count[None], count[None])[0])


def alpha_with_interval(
    pairs: Codes, voters: Codes, answers: ArrayLike, *, alpha: float = 0.05, resamples: int = 500, seed: int = 0
) -> Alpha:
    """Krippendorff's alpha with the percentiles of a bootstrap that draws whole voters.

    A voter drawn k times weighs k, and never agrees with themselves: only answers of two different voters are compared.
    All three are nan without answers.

    >>> pairs, voters = np.repeat(np.arange(30), 4), np.tile(np.arange(4), 30)
    >>> answers = (pairs + (voters == 3) * (pairs % 3)) % 2
    >>> found = alpha_with_interval(pairs, voters, answers)
    >>> round(found.value, 3), found.low <= found.value <= found.high
    (0.669, True)
    """
    # 20 MB that only this sum needs.
    from scipy.sparse import csr_array

    values = np.asarray(answers, dtype=np.float64)
    if not len(values):
        return Alpha(math.nan, math.nan, math.nan, resamples)
    shape = (int(pairs.max()) + 1, int(voters.max()) + 1)
    yes = csr_array((values, (pairs, voters)), shape=shape)
    every = csr_array((np.ones(len(values)), (pairs, voters)), shape=shape)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(shape[1], np.full(shape[1], 1 / shape[1]), size=resamples).T.astype(np.float64)
    found = _alpha_of_sums((yes @ drawn).T, (every @ drawn).T, (every @ drawn**2).T)
    found = found[np.isfinite(found)]
    low, high = np.quantile(found, [alpha / 2, 1 - alpha / 2]) if len(found) else (np.nan, np.nan)
    return Alpha(krippendorff_alpha(pairs, values), float(low), float(high), resamples)


def _alpha_of_sums(yes: NDArray[Any], count: NDArray[Any], squares: NDArray[Any]) -> FloatArray:
    """[B] from weighted sums per pair [B, U]: answers yes, all answers, and squares of the weights."""
    twice = count**2 - squares > 1e-9
    yes, count = np.where(twice, yes, 0.0), np.where(twice, count, 0.0)
    comparable = np.where(twice, count**2 - squares, 1.0) / np.where(twice, count, 1.0)
    observed = (2 * yes * (count - yes) / comparable).sum(axis=1)
    total, liked = count.sum(axis=1), yes.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = 2 * liked * (total - liked) / (total - 1)
        return np.asarray(np.where(expected > 0, 1 - observed / np.where(expected > 0, expected, 1.0), np.nan))


def dawid_skene(pairs: Codes, voters: Codes, answers: ArrayLike, *, rounds: int = 200, close: float = 1e-9) -> OneCoin:
    """One coin per voter (Dawid and Skene 1979): each answers as the pair truly is with an accuracy of their own.

    Expectation–maximisation from the majority; a voter's accuracy is kept within 0.001 … 0.999.

    >>> pairs, voters = np.repeat(np.arange(6), 3), np.tile(np.arange(3), 6)
    >>> answers = [1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1]
    >>> found = dawid_skene(pairs, voters, answers)
    >>> found.liked.round(2).tolist(), found.accuracy.round(2).tolist()
    ([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.33])
    """
    values = np.asarray(answers, dtype=np.float64)
    liked = np.bincount(pairs, weights=values) / np.bincount(pairs)
    answer_counts = np.bincount(voters).astype(np.float64)
    accuracy, share, done = np.zeros(len(answer_counts)), 0.5, 0
    while done < rounds:
        done += 1
        right = np.where(values > 0.5, liked[pairs], 1 - liked[pairs])
        accuracy = np.clip(np.bincount(voters, weights=right) / answer_counts, 0.001, 0.999)
        share = float(np.clip(liked.mean(), 1e-6, 1 - 1e-6))
        odds = np.log(accuracy / (1 - accuracy))[voters] * np.where(values > 0.5, 1.0, -1.0)
        logits = np.log(share / (1 - share)) + np.bincount(pairs, weights=odds)
        fresh = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        change, liked = float(np.abs(fresh - liked).max()), fresh
        if change < close:
            break
    return OneCoin(liked, accuracy, share, done)


def noise_ceiling(dope: ArrayLike, nope: ArrayLike) -> float:
    """How often an answer agrees with the majority of the others on its pair: nobody can foresee answers much better.

    From counts per pair; a majority that is tied agrees half. nan where no pair was judged twice.

    >>> noise_ceiling([3, 1], [0, 1])
    0.6
    """
    yes, no = np.asarray(dope, dtype=np.float64), np.asarray(nope, dtype=np.float64)
    judged = yes + no > 1
    yes, no = yes[judged], no[judged]
    if not len(yes):
        return float("nan")
    agreeing = yes * (0.5 + 0.5 * np.sign(yes - 1 - no)) + no * (0.5 + 0.5 * np.sign(no - 1 - yes))
    return float(agreeing.sum() / (yes + no).sum())
