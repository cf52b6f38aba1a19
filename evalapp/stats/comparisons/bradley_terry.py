"""Strengths from comparisons of two: Bradley and Terry (1952) with Davidson's (1970) ties and the advantage of a side.

With strengths p_i = exp θ_i, side γ = exp β (of standing left) and ties ν = exp τ, for i on the left and j on the right

    P(i) : P(j) : P(tie) = γ p_i : p_j : ν sqrt(γ p_i p_j)

Each contender also has `ridge` virtual wins and losses, without ties and sides, against a contender of strength 1: one
who won or lost everything, or pieces that never met, then have finite strengths near the middle. So have side and ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]

LEFT, RIGHT, TIE = 0, 1, 2
RIDGE = 0.5
"""Virtual wins, and as many losses, of each contender."""
_FAR = 30.0


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Counts [M, M] of what happened with the row on the left and the column on the right."""

    left: FloatArray
    right: FloatArray
    ties: FloatArray

    @property
    def contenders(self) -> int:
        """M."""
        return len(self.left)


@dataclass(frozen=True, slots=True)
class Strengths:
    """`theta` [M] log-strengths; `side` log γ; `ties` log ν (-inf without any tie); `covariance` [M + 2, M + 2] of
    (theta, side, ties), clustered where voters were given; `rounds` the solver took."""

    theta: FloatArray
    side: float
    ties: float
    covariance: FloatArray
    rounds: int
    solver: str
    ridge: float

    def chance_better(self) -> FloatArray:
        """P(row is stronger than column) [M, M], by the normal approximation; 1/2 on the diagonal."""
        count = len(self.theta)
        block = self.covariance[:count, :count]
        alone = np.diagonal(block)
        error = np.sqrt(np.maximum(alone[:, None] + alone - 2 * block, 0.0))
        gap = self.theta[:, None] - self.theta
        return np.asarray(np.where(error > 0, ndtr(gap / np.where(error > 0, error, 1.0)), 0.5))


def count_comparisons(left: Codes, right: Codes, outcomes: Codes, contenders: int) -> Comparisons:
    """Counts out of n comparisons: codes of who stood left and right, and LEFT, RIGHT or TIE.

    >>> found = count_comparisons(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([LEFT, TIE, LEFT]), 2)
    >>> found.left.tolist(), found.ties.tolist()
    ([[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]])
    """
    cells = (outcomes * contenders + left) * contenders + right
    counts = np.bincount(cells, minlength=3 * contenders**2).astype(np.float64)
    return Comparisons(*counts.reshape(3, contenders, contenders))


def fit_newton(data: Comparisons, *, ridge: float = RIDGE, rounds: int = 100, close: float = 1e-10) -> Strengths:
    """Maximum likelihood by Newton's method with halved steps; the covariance is the inverse information.

    >>> data = Comparisons(np.array([[0.0, 30.0], [10.0, 0.0]]), np.array([[0.0, 10.0], [30.0, 0.0]]), np.zeros((2, 2)))
    >>> found = fit_newton(data, ridge=0.0001)
    >>> round(float(found.theta[0] - found.theta[1]), 3) == round(float(np.log(3)), 3), abs(round(found.side, 6))
    (True, 0.0)
    """
    with_ties = bool(data.ties.any())
    parameters = np.zeros(data.contenders + 2)
    current, done = _log_likelihood(parameters, data, ridge, with_ties), 0
    information = np.eye(len(parameters))
    for done in range(1, rounds + 1):  # noqa: B007
        gradient, information = _likelihood_derivatives(parameters, data, ridge, with_ties)
        step = np.linalg.solve(information, gradient)
        size = 1.0
        while size > 1e-8:
            fresh = _log_likelihood(parameters + size * step, data, ridge, with_ties)
            if fresh >= current - 1e-12:
                break
            size /= 2
        parameters, current = parameters + size * step, fresh
        if np.abs(size * step).max() < close:
            break
    _, information = _likelihood_derivatives(parameters, data, ridge, with_ties)
    return _strengths_from_parameters(parameters, _inverse_matrix(information), done, "newton", ridge, with_ties)


def fit_mm(data: Comparisons, *, ridge: float = RIDGE, rounds: int = 20_000, close: float = 1e-11) -> Strengths:
    """The same maximum by minorisation–maximisation (Hunter 2004): slower, no matrices, never overshoots.

    >>> data = Comparisons(np.array([[0.0, 9.0], [4.0, 0.0]]), np.array([[0.0, 3.0], [8.0, 0.0]]), np.ones((2, 2)))
    >>> bool(np.abs(fit_mm(data).theta - fit_newton(data).theta).max() < 1e-8)
    True
    """
    wins = data.left.sum(axis=1) + data.right.sum(axis=0) + ridge
    halves = (data.ties.sum(axis=1) + data.ties.sum(axis=0)) / 2
    games = data.left + data.right + data.ties
    tied, led = float(data.ties.sum()), float(data.left.sum() + data.ties.sum() / 2)
    p, gamma, nu, done = np.ones(data.contenders), 1.0, float(tied > 0), 0
    while done < rounds:
        done += 1
        a, b = gamma * p[:, None], p[None, :]
        root = np.sqrt(a * b)
        weight = games / (a + b + nu * root)
        # sqrt(ab) is bounded by half of (a sqrt(b0/a0) + b sqrt(a0/b0)), which splits what contenders share.
        from_left = (weight * gamma * (1 + nu / 2 * np.sqrt(b / a))).sum(axis=1)
        from_right = (weight * (1 + nu / 2 * np.sqrt(a / b))).sum(axis=0)
        fresh = (wins + halves) / (from_left + from_right + 2 * ridge / (p + 1))
        # Comparisons do not see a common factor; only the virtual games do, and one Newton step settles it.
        chance = fresh / (1 + fresh)
        fresh = fresh * np.exp((1 - 2 * chance).sum() / (2 * chance * (1 - chance)).sum())
        a, root = gamma * fresh[:, None], np.sqrt(gamma * fresh[:, None] * fresh)
        weight = games / (a + fresh + nu * root)
        before = nu
        if tied:
            nu = (tied + ridge) / (float((weight * root).sum()) + 2 * ridge / (nu + 1))
            weight = games / (a + fresh + nu * root)
        pull = float((weight * (fresh[:, None] + nu / 2 * np.sqrt(fresh[:, None] * fresh / gamma))).sum())
        side = (led + ridge) / (pull + 2 * ridge / (gamma + 1))
        moved = max(float(np.abs(np.log(fresh / p)).max()), abs(float(np.log(side / gamma))), abs(nu - before))
        p, gamma = fresh, side
        if moved < close:
            break
    parameters = np.r_[np.log(p), np.log(gamma), np.log(nu) if tied else -_FAR]
    _, information = _likelihood_derivatives(parameters, data, ridge, bool(tied))
    return _strengths_from_parameters(parameters, _inverse_matrix(information), done, "mm", ridge, bool(tied))


def cluster_covariance(
    fitted: Strengths, left: Codes, right: Codes, outcomes: Codes, voters: Codes, data: Comparisons
) -> Strengths:
    """The same strengths with the covariance of voters as clusters: H⁻¹ (Σ_v s_v s_vᵀ n/(n - 1)) H⁻¹, s_v scores.

    >>> left, right = np.array([0, 0, 0, 1]), np.array([1, 1, 1, 0])
    >>> outcomes, voters = np.array([LEFT, LEFT, RIGHT, RIGHT]), np.array([0, 0, 1, 1])
    >>> data = count_comparisons(left, right, outcomes, 2)
    >>> cluster_covariance(fit_newton(data), left, right, outcomes, voters, data).covariance.shape
    (4, 4)
    """
    count, with_ties = len(fitted.theta), bool(np.isfinite(fitted.ties))
    parameters = np.r_[fitted.theta, fitted.side, fitted.ties if with_ties else -_FAR]
    half, tie = expected_outcomes(fitted)
    scores = np.zeros((int(voters.max(initial=-1)) + 1, count + 2))
    won = (outcomes == LEFT) + 0.5 * (outcomes == TIE)
    expected = half[left, right]
    np.add.at(scores, (voters, left), won - expected)
    np.add.at(scores, (voters, right), expected - won)
    np.add.at(scores[:, count], voters, won - expected)
    if with_ties:
        np.add.at(scores[:, count + 1], voters, (outcomes == TIE) - tie[left, right])
    _, information = _likelihood_derivatives(parameters, data, fitted.ridge, with_ties)
    bread = _inverse_matrix(information)
    n = len(np.unique(voters))
    meat = scores.T @ scores * (n / (n - 1) if n > 1 else 1.0)
    return Strengths(
        fitted.theta, fitted.side, fitted.ties, bread @ meat @ bread, fitted.rounds, fitted.solver, fitted.ridge
    )


def expected_outcomes(fitted: Strengths) -> tuple[FloatArray, FloatArray]:
    """What the row on the left may expect of the column on the right [M, M]: points, a tie being half of one, and ties.

    >>> found = expected_outcomes(Strengths(np.zeros(2), 0.0, 0.0, np.eye(4), 1, "newton", RIDGE))
    >>> found[0][0].tolist(), found[1].round(2)[0].tolist()
    ([0.5, 0.5], [0.33, 0.33])
    """
    ties = fitted.ties if np.isfinite(fitted.ties) else -_FAR
    left, _, tie = _outcome_shares(np.r_[fitted.theta, fitted.side, ties], len(fitted.theta))
    return left + tie / 2, tie


def _inverse_matrix(information: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


def _outcome_shares(parameters: FloatArray, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """P(left wins), P(right wins), P(tie) [M, M]."""
    theta, side, ties = parameters[:count], parameters[count], parameters[count + 1]
    a, b = np.broadcast_arrays(side + theta[:, None], theta)
    logits = np.stack([a, b, ties + (a + b) / 2])
    logits -= logits.max(axis=0)
    weights = np.exp(logits)
    weights /= weights.sum(axis=0)
    return weights[0], weights[1], weights[2]


def _log_likelihood(parameters: FloatArray, data: Comparisons, ridge: float, with_ties: bool) -> float:
    count = data.contenders
    used = parameters if with_ties else np.r_[parameters[:-1], -_FAR]
    shares = _outcome_shares(used, count)
    free = parameters if with_ties else parameters[:-1]
    virtual = ridge * (free - 2 * np.logaddexp(free, 0.0)).sum()
    seen = zip((data.left, data.right, data.ties), shares, strict=True)
    return float(sum((n * np.log(np.maximum(share, 1e-300))).sum() for n, share in seen if n.any()) + virtual)


def _likelihood_derivatives(
    parameters: FloatArray, data: Comparisons, ridge: float, with_ties: bool
) -> tuple[FloatArray, FloatArray]:
    """Gradient and information (minus the second derivatives) of the log-likelihood, both exact."""
    count = data.contenders
    used = parameters if with_ties else np.r_[parameters[:-1], -_FAR]
    left, _, tie = _outcome_shares(used, count)
    games = data.left + data.right + data.ties
    half = left + tie / 2
    residual = data.left + data.ties / 2 - games * half
    gradient = np.zeros(count + 2)
    gradient[:count] = residual.sum(axis=1) - residual.sum(axis=0)
    gradient[count], gradient[count + 1] = residual.sum(), (data.ties - games * tie).sum()
    # With u = 1 for left, 1/2 for a tie, 0 for right, everything is a moment of (u, tie) under the shares.
    spread = games * (left + tie / 4 - half**2)
    mixed, tied = games * (tie / 2 - half * tie), games * tie * (1 - tie)
    information = np.zeros((count + 2, count + 2))
    both = spread + spread.T
    information[:count, :count] = np.diag(both.sum(axis=1)) - both
    information[:count, count] = spread.sum(axis=1) - spread.sum(axis=0)
    information[:count, count + 1] = mixed.sum(axis=1) - mixed.sum(axis=0)
    information[count, count], information[count, count + 1] = spread.sum(), mixed.sum()
    information[count + 1, count + 1] = tied.sum()
    information = np.triu(information) + np.triu(information, 1).T
    chance = expit(parameters)
    gradient += ridge * (1 - 2 * chance)
    information[range(count + 2), range(count + 2)] += 2 * ridge * chance * (1 - chance)
    if not with_ties:
        gradient[-1], information[-1, :], information[:, -1] = 0.0, 0.0, 0.0
        information[-1, -1] = 1.0
    return gradient, information


def _strengths_from_parameters(
    parameters: FloatArray, covariance: FloatArray, rounds: int, solver: str, ridge: float, with_ties: bool
) -> Strengths:
    ties = float(parameters[-1]) if with_ties else -np.inf
    return Strengths(parameters[:-2].copy(), float(parameters[-2]), ties, covariance, rounds, solver, ridge)
