"""How much a voter is believed, from what is known before each vote."""

from __future__ import annotations

from functools import lru_cache
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

PRIOR_HONEST = 0.85
"""Share of voters taken for honest before they have answered any gold."""
RIGHT, WRONG = float(np.log(0.95 / 0.5)), float(np.log(0.05 / 0.5))
"""Steps of the log-odds: an honest voter gets gold right with 0.95, one who answers blindly with 0.5."""


@overload
def chance_honest(gold_right: int, gold_wrong: int) -> float: ...
@overload
def chance_honest(gold_right: NDArray[np.int64], gold_wrong: NDArray[np.int64]) -> NDArray[np.float64]: ...
def chance_honest(
    gold_right: int | NDArray[np.int64], gold_wrong: int | NDArray[np.int64]
) -> float | NDArray[np.float64]:
    """P(honest | gold answered so far) by Bayes' rule, for one voter or for arrays of them; ValueError below 0.

        logit P = logit 0.85 + right · log(0.95 / 0.5) + wrong · log(0.05 / 0.5)

    Taken before a vote it is a predictable weight: whatever it is, the vote's evidence stays valid.

    >>> round(chance_honest(0, 0), 3), round(chance_honest(3, 0), 3), round(chance_honest(0, 2), 3)
    (0.85, 0.975, 0.054)
    """
    right, wrong = np.asarray(gold_right), np.asarray(gold_wrong)
    if (right < 0).any() or (wrong < 0).any():
        raise ValueError("counts must not be negative")
    share = expit(logit(PRIOR_HONEST) + right * RIGHT + wrong * WRONG)
    return float(share) if np.ndim(share) == 0 else np.asarray(share)


def longest_run(answers: ArrayLike) -> int:
    """Length of the longest run of equal answers.

    >>> longest_run([1, 0, 0, 0, 1])
    3
    """
    values = np.asarray(answers)
    if not len(values):
        return 0
    changes = np.flatnonzero(np.r_[True, values[1:] != values[:-1], True])
    return int(np.diff(changes).max())


def straight_lining(answers: ArrayLike) -> float:
    """P(a longest run at least as long), had the voter answered independently at their own rate; small is suspicious.

    By the chain of (last answer, length of its run); the rate is (yes + 1) / (n + 2). Whoever likes nearly everything
    has long runs honestly: it is the order that gives the machine away, not the rate. 1 for fewer than two answers.

    >>> round(straight_lining([1] * 10 + [0] * 10), 4), round(straight_lining([1, 0, 1, 1, 0, 0, 1, 0]), 2)
    (0.0117, 0.99)
    """
    values = np.asarray(answers, dtype=np.float64)
    return chance_of_run(int(values.sum()), len(values), longest_run(answers))


@lru_cache(maxsize=1 << 16)
def chance_of_run(yes: int, count: int, run: int) -> float:
    """What `straight_lining` says of `count` answers with so many yes and a longest run of `run`: all that it looks at.

    Of thousands of voters many have the same three numbers.
    """
    if count < 2 or run < 2:
        return 1.0
    rate = (yes + 1) / (count + 2)
    chances = np.array([1 - rate, rate])
    # below[a, k]: no run has reached `run`, the last answer is a and its run has length k + 1.
    below = np.zeros((2, run - 1))
    below[:, 0] = chances
    for _ in range(count - 1):
        ended = below.sum(axis=1)
        below[:, 1:] = below[:, :-1] * chances[:, None]
        below[:, 0] = ended[::-1] * chances
    return float(1 - below.sum())
