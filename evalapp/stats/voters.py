"""How much a voter is believed, from what is known before each vote."""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

PRIOR_HONEST = 0.85
"""Share of voters taken for honest before they have answered any gold."""
_RIGHT, _WRONG = float(np.log(0.95 / 0.5)), float(np.log(0.05 / 0.5))
"""Steps of the log-odds: an honest voter gets gold right with 0.95, one who answers blindly with 0.5."""


@overload
def honesty(gold_right: int, gold_wrong: int) -> float: ...
@overload
def honesty(gold_right: NDArray[np.int64], gold_wrong: NDArray[np.int64]) -> NDArray[np.float64]: ...
def honesty(gold_right: int | NDArray[np.int64], gold_wrong: int | NDArray[np.int64]) -> float | NDArray[np.float64]:
    """P(honest | gold answered so far) by Bayes' rule, for one voter or for arrays of them; ValueError below 0.

        logit P = logit 0.85 + right · log(0.95 / 0.5) + wrong · log(0.05 / 0.5)

    Taken before a vote it is a predictable weight: whatever it is, the vote's evidence stays valid.

    >>> round(honesty(0, 0), 3), round(honesty(3, 0), 3), round(honesty(0, 2), 3)
    (0.85, 0.975, 0.054)
    """
    right, wrong = np.asarray(gold_right), np.asarray(gold_wrong)
    if (right < 0).any() or (wrong < 0).any():
        raise ValueError("counts must not be negative")
    share = expit(logit(PRIOR_HONEST) + right * _RIGHT + wrong * _WRONG)
    return float(share) if np.ndim(share) == 0 else np.asarray(share)
