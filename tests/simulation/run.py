"""One simulated study through the real estimator, sampler and stopping rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evalapp.stats import inference, sampler
from evalapp.stats.baselines import QUERY_PRIOR, VOTER_PRIOR, baselines, shrunk_means
from evalapp.stats.batches import Batch, batch_of, units
from evalapp.stats.evidence import Evidence, VoterSums, add, credits_of
from evalapp.stats.histories import Histories, known_before, remember
from tests.simulation.world import World

FloatArray = NDArray[np.float64]


@dataclass(slots=True)
class Study:
    """The state of one study as the product keeps it, with a crowd that votes on it."""

    world: World
    rng: np.random.Generator
    adaptive: bool = True
    baseline: bool = True
    guard: bool = True
    evidence: Evidence = field(init=False)
    rows: VoterSums = field(init=False)
    histories: Histories = field(init=False)
    query_votes: FloatArray = field(init=False)
    query_liked: FloatArray = field(init=False)
    units: FloatArray = field(init=False)
    left: int = 0
    voter: int = -1
    traits: list[tuple[float, bool, FloatArray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.world
        self.evidence = Evidence.none(world.contenders)
        self.rows = VoterSums.none(64, world.contenders)
        self.histories = Histories.none(64)
        self.query_votes, self.query_liked = np.zeros(world.queries), np.zeros(world.queries)
        self.units = units(batch_of(world.members, self.uniform(), world.queries))

    def uniform(self) -> FloatArray:
        return sampler.uniform_design(self.world.places, self.world.queries)

    def publish(self) -> tuple[Batch, FloatArray]:
        """The next batch and its probabilities."""
        world, votes = self.world, self.evidence.votes
        if not votes:
            return batch_of(world.members, self.uniform(), world.queries), self.uniform()
        aimed = sampler.aim(self.evidence)
        warm = votes < sampler.warm_start(world.contenders) or not self.adaptive
        chances = self.uniform() if warm else sampler.adaptive_design(world.members, world.places, world.queries, aimed)
        mean = float(shrunk_means(self.query_liked.sum(), votes, 0.5, QUERY_PRIOR))
        means = shrunk_means(self.query_liked, self.query_votes, mean, QUERY_PRIOR)
        batch = batch_of(
            world.members,
            chances,
            world.queries,
            leader=aimed.leader,
            closeness=aimed.closeness,
            mean=mean,
            query_means=means,
        )
        return batch, chances

    def vote(self, batch: Batch, chances: FloatArray, votes: int) -> None:
        """So many votes on one design."""
        world = self.world
        pairs = np.searchsorted(np.cumsum(chances)[:-1], self.rng.random(votes), side="right")
        voters = np.array([self._whose() for _ in range(votes)])
        answers = self._answers(pairs, voters)
        none = np.full(votes, -1, dtype=np.int8)
        known = known_before(self.histories, voters, answers, none)
        expected = np.full(votes, 0.5)
        if self.baseline:
            query_means = batch.mean if batch.query_means is None else batch.query_means[world.places[pairs]]
            expected = baselines(
                batch.mean, shrunk_means(known.liked, known.votes, batch.mean, VOTER_PRIOR), query_means
            )
        weights = 1.0 / (world.queries * chances[pairs])
        ready = credits_of(voters, world.members[pairs], weights, np.ones(votes), answers, expected)
        add(self.evidence, self.rows, batch, ready)
        remember(self.histories, voters, answers, none)
        np.add.at(self.query_votes, world.places[pairs], 1)
        np.add.at(self.query_liked, world.places[pairs], answers)
        self.evidence.voters = float(self.voter + 1)

    def run(self, most: int, stop: Callable[[Study], bool]) -> int:
        """Vote until `stop` says so, at most `most` votes; how many were cast."""
        while self.evidence.votes < most:
            batch, chances = self.publish()
            self.vote(batch, chances, sampler.batch_size(int(self.evidence.votes)))
            if stop(self):
                break
        return int(self.evidence.votes)

    def decided(self, delta: float = 0.05) -> int:
        """The winner, -1 while there is none."""
        found = inference.verdict(self.evidence, self.units, delta)
        if self.guard:
            return found.winner
        standing = np.flatnonzero(found.log_stops < -np.log(delta))
        return int(standing[0]) if len(standing) == 1 else -1

    def _whose(self) -> int:
        if self.left == 0:
            people = self.world.people
            self.voter += 1
            mean = people.visit * (10 if self.rng.random() < people.heavy else 1)
            self.left = int(self.rng.geometric(1 / mean))
            taste = self.rng.normal(0, people.taste, self.world.contenders)
            lenient = self.rng.normal(0, people.leniency)
            self.traits.append((lenient, bool(self.rng.random() < people.blind), taste))
            self._grow()
        self.left -= 1
        return self.voter

    def _grow(self) -> None:
        size = len(self.rows.weight)
        if self.voter < size:
            return
        for holder in (self.rows, self.histories):
            for name in holder.__dataclass_fields__:
                old = getattr(holder, name)
                setattr(holder, name, np.concatenate([old, np.zeros_like(old)]))

    def _answers(self, pairs: NDArray[np.intp], voters: NDArray[np.intp]) -> FloatArray:
        world = self.world
        lenient = np.array([self.traits[one][0] for one in voters])
        blind = np.array([self.traits[one][1] for one in voters])
        logits = world.logits[pairs] + lenient
        if world.people.taste:
            taste = np.stack([self.traits[one][2] for one in voters])
            members = world.members[pairs]
            # One leaning per pair, of the variance of a single one, from all who put it first.
            logits = logits + (taste * members).sum(axis=1) / np.sqrt(members.sum(axis=1))
        chance = np.where(blind, 0.5, expit(logits))
        return (self.rng.random(len(pairs)) < chance).astype(np.float64)
