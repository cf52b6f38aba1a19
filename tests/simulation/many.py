"""Many studies of one world at once, a vote each per step, looked at after every vote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evalapp.stats.designs import adaptive_design
from evalapp.stats.intervals.normal_mixture import LEAST_VOTERS, inflate_variances, log_evidence_two_sided
from evalapp.stats.sums.epochs import design_bounds
from evalapp.stats.sums.vote_baselines import VOTER_PRIOR, baselines_of_votes, shrunk_means
from tests.simulation.world import World

FloatArray = NDArray[np.float64]


@dataclass(slots=True)
class Looks:
    """Per run: whether an interval ever missed, for each contender [R, M] and each difference [R, M, M]; estimates at
    the end, and the weighted paired sums with their weight, unbiased for the differences."""

    approvals: NDArray[np.bool_]
    differences: NDArray[np.bool_]
    estimates: FloatArray
    plain: FloatArray
    paired: FloatArray
    voters: NDArray[np.int64]


def look_after_every_vote(
    world: World, runs: int, votes: int, rng: np.random.Generator, *, alpha: float = 0.05, adaptive: bool = True
) -> Looks:
    """Let `runs` crowds cast `votes` each under the adaptive sampler, and watch the confidence sequences."""
    crowd, sums = _Crowd(world, runs, rng), _Sums(world, runs)
    missed = np.zeros((runs, world.contenders), dtype=bool)
    apart = np.zeros((runs, world.contenders, world.contenders), dtype=bool)
    plain = np.zeros((2, runs, world.contenders))
    due, limit = 0, -np.log(alpha)
    design = sums.design(adaptive, 0)
    for vote in range(votes):
        if vote >= due:
            design = sums.design(adaptive, vote)
            due = vote + adaptive_design.batch_size(vote)
        fresh = crowd.next_voters()
        pair = (design.cumulative < rng.random(runs)[:, None]).sum(axis=1)
        answer, baseline = crowd.answers(pair)
        members = world.members[pair].astype(np.float64)
        sums.add(design, fresh, members, 1.0 / (world.queries * design.chances[crowd.rows, pair]), answer, baseline)
        plain += np.stack([members * answer[:, None], members])
        known = crowd.count >= LEAST_VOTERS
        missed |= known[:, None] & (sums.log_approvals(world.truth) >= limit)
        apart |= known[:, None, None] & (sums.log_differences(world.truth) >= limit)
    estimates = sums.liked / sums.mass
    return Looks(missed, apart, estimates, plain[0] / plain[1], sums.unweighted / votes, crowd.count)


@dataclass(slots=True)
class _Design:
    chances: FloatArray
    cumulative: FloatArray
    own: FloatArray
    common: FloatArray


class _Crowd:
    """Who votes in each run: visits one after another."""

    def __init__(self, world: World, runs: int, rng: np.random.Generator) -> None:
        self.world, self.rng, self.rows = world, rng, np.arange(runs)
        self.left, self.count = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.int64)
        self.lenient, self.blind = np.zeros(runs), np.zeros(runs, dtype=bool)
        self.taste = np.zeros((runs, world.contenders))
        self.votes, self.liked = np.zeros(runs), np.zeros(runs)

    def next_voters(self) -> NDArray[np.bool_]:
        people, rng = self.world.people, self.rng
        fresh = self.left == 0
        size = int(fresh.sum())
        if size:
            mean = people.visit * np.where(rng.random(size) < people.heavy, 10, 1)
            self.left[fresh] = rng.geometric(1 / mean)
            self.lenient[fresh] = rng.normal(0, people.leniency, size)
            self.blind[fresh] = rng.random(size) < people.blind
            self.taste[fresh] = rng.normal(0, people.taste, (size, self.world.contenders))
            self.votes[fresh] = self.liked[fresh] = 0.0
            self.count[fresh] += 1
        self.left -= 1
        return fresh

    def answers(self, pair: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        members = self.world.members[pair]
        leaning = (self.taste * members).sum(axis=1) / np.sqrt(np.maximum(members.sum(axis=1), 1))
        chance = np.where(self.blind, 0.5, expit(self.world.logits[pair] + self.lenient + leaning))
        answer = (self.rng.random(len(pair)) < chance).astype(np.float64)
        baseline = baselines_of_votes(0.5, shrunk_means(self.liked, self.votes, 0.5, VOTER_PRIOR), 0.5)
        self.votes += 1
        self.liked += answer
        return answer, baseline


class _Sums:
    """The sums of `evidence` for R studies, voters coming one after another."""

    def __init__(self, world: World, runs: int) -> None:
        m = world.contenders
        self.world, self.runs = world, runs
        self.uniform = adaptive_design.uniform_design(world.places, world.queries)
        variance, _, _ = design_bounds(world.members, self.uniform, world.queries)
        apart = variance > 0
        self.units = np.where(apart, 1 / np.where(apart, variance, 1.0), 0.0) * variance[apart].mean()
        self.liked, self.mass, self.liked2, self.cross, self.mass2 = (np.zeros((runs, m)) for _ in range(5))
        self.residual, self.lean, self.unweighted = (np.zeros((runs, m)) for _ in range(3))
        self.weight, self.weight2 = np.zeros(runs), np.zeros(runs)
        self.gram, self.paired, self.paired2 = (np.zeros((runs, m, m)) for _ in range(3))
        self.now_liked, self.now_mass, self.now_residual = (np.zeros((runs, m)) for _ in range(3))
        self.now_weight, self.voters = np.zeros(runs), np.zeros(runs)
        self.pairs = np.zeros((runs, m, m))

    def design(self, adaptive: bool, votes: int) -> _Design:
        world = self.world
        aims = [adaptive_design.aim_at(self.paired[run], self.paired2[run]) for run in range(self.runs)]
        if adaptive and votes >= adaptive_design.warm_start(world.contenders):
            chances = np.stack(
                [adaptive_design.adaptive_design(world.members, world.places, world.queries, one) for one in aims]
            )
        else:
            chances = np.tile(self.uniform, (self.runs, 1))
        variance, _, own = design_bounds(world.members, chances, world.queries)
        self.pairs = np.where(variance > 0, 1 / np.where(variance > 0, variance, 1.0), 0.0)
        if votes:
            led = np.stack([variance[run, one.leader] @ one.closeness for run, one in enumerate(aims)])
        else:
            led = np.full(self.runs, variance[variance > 0].mean())
        cumulative = np.cumsum(chances, axis=1)[:, :-1]
        return _Design(chances, cumulative, 1 / own, 1 / np.where(led > 0, led, 1.0))

    def add(
        self,
        design: _Design,
        fresh: NDArray[np.bool_],
        members: FloatArray,
        weights: FloatArray,
        answer: FloatArray,
        baseline: FloatArray,
    ) -> None:
        for now in (self.now_liked, self.now_mass, self.now_residual, self.now_weight):
            now[fresh] = 0.0
        self.voters += fresh
        mass = members * weights[:, None] * design.own
        liked, moves = mass * answer[:, None], members * (weights * (answer - baseline))[:, None]
        move, weight = moves * design.common[:, None], design.common
        self.liked2 += liked * (2 * self.now_liked + liked)
        self.cross += liked * self.now_mass + self.now_liked * mass + liked * mass
        self.mass2 += mass * (2 * self.now_mass + mass)
        outer = self.now_residual[:, :, None] * move[:, None, :]
        self.gram += outer + np.swapaxes(outer, 1, 2) + move[:, :, None] * move[:, None, :]
        self.lean += self.now_residual * weight[:, None] + (self.now_weight + weight)[:, None] * move
        self.weight2 += weight * (2 * self.now_weight + weight)
        for now, part in ((self.now_liked, liked), (self.now_mass, mass), (self.now_residual, move)):
            now[:] += part
        self.now_weight += weight
        self.liked, self.mass, self.residual = self.liked + liked, self.mass + mass, self.residual + move
        self.weight, self.unweighted = self.weight + weight, self.unweighted + moves
        psi = moves[:, :, None] - moves[:, None, :]
        self.paired += self.pairs * psi
        self.paired2 += (self.pairs * psi) ** 2

    def log_approvals(self, truth: FloatArray) -> FloatArray:
        """Log e-values against the true approvals [R, M]: the interval misses where they reach 1 / alpha."""
        centre = self.liked / np.where(self.mass > 0, self.mass, 1.0)
        variance = self.liked2 - 2 * centre * self.cross + centre**2 * self.mass2
        wide = inflate_variances(np.maximum(variance, 0.0), self.mass, self.mass2)
        return log_evidence_two_sided(self.liked - truth * self.mass, wide)

    def log_differences(self, truth: FloatArray) -> FloatArray:
        """The same against the true differences [R, M, M]."""
        sums = self.residual[:, :, None] - self.residual[:, None, :]
        total = self.weight[:, None, None]
        centre = sums / total
        alone = np.diagonal(self.gram, axis1=1, axis2=2)
        raw = alone[:, :, None] + alone[:, None, :] - 2 * self.gram
        variance = raw - 2 * centre * (self.lean[:, :, None] - self.lean[:, None, :])
        variance = np.maximum(variance + centre**2 * self.weight2[:, None, None], 0.0)
        wide = inflate_variances(variance, self.weight[:, None, None], self.weight2[:, None, None])
        gap = truth[:, None] - truth
        return log_evidence_two_sided((sums - gap * total) * self.units, wide * self.units**2)
