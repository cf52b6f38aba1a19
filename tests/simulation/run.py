"""One simulated study through the real estimator, sampler and stopping rule, as the product keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from evalapp.stats.decision import (
    LEADS_FROM,
    Conclusion,
    Look,
    Record,
    draw_conclusion,
    jackknife_variances,
    lacking_evidence,
    look_at,
)
from evalapp.stats.designs import adaptive_design
from evalapp.stats.sums.contender_sums import Evidence, VoterSums, add_portion, credits_of
from evalapp.stats.sums.epochs import Batch, batch_of, difference_units
from evalapp.stats.sums.vote_baselines import QUERY_PRIOR, VOTER_PRIOR, baselines_of_votes, shrunk_means
from evalapp.stats.sums.voter_histories import Histories, before_each, known_before, remember_votes
from tests.simulation.crowd import Crowd
from tests.simulation.world import World

FloatArray = NDArray[np.float64]
DELTA = 0.05
MOST_SHOWN = {"swipe": 1, "two": 2, "grid": 9}


@dataclass(slots=True)
class Study:
    """The state of one study as the product keeps it, with a crowd that votes on it.

    `entries` contenders, the last of the world, enter when `entry` votes have been cast. With `without_replacement`
    nobody is shown a pair twice and draws are from what is left. `trusting` gives voters weights by the luck they have
    with known answers. `leaderless` bets on all pairs instead of on a leader. `regular`, `regulars`: see `Crowd`.
    """

    world: World
    rng: np.random.Generator
    adaptive: bool = True
    baseline: bool = True
    margin: float = 0.0
    mode: str = "swipe"
    without_replacement: bool = False
    trusting: bool = False
    regular: float = 0.0
    regulars: int = 1
    entries: int = 0
    entry: int = 0
    leaderless: bool = False
    evidence: Evidence = field(init=False)
    rows: VoterSums = field(init=False)
    histories: Histories = field(init=False)
    seen: FloatArray = field(init=False)
    query_votes: FloatArray = field(init=False)
    query_liked: FloatArray = field(init=False)
    units: FloatArray = field(init=False)
    crowd: Crowd = field(init=False)
    record: Record = field(init=False)
    led: list[int] = field(default_factory=list)
    first: Batch | None = None

    def __post_init__(self) -> None:
        world = self.world
        entered = [0] * (world.contenders - self.entries) + [1] * self.entries
        eras = 2 if self.entries else 1
        self.evidence = Evidence.before_votes(world.contenders, eras, entered)
        self.rows = VoterSums.zeros_for(64, world.contenders, eras)
        self.histories = Histories.without_votes(64)
        self.seen = np.zeros((64, world.contenders))
        self.query_votes, self.query_liked = np.zeros(world.queries), np.zeros(world.queries)
        self.crowd = Crowd(world, self.rng, self.regular, self.regulars)
        self.record = Record.nothing_reached(world.contenders)
        self.units = difference_units(self._batch(self._uniform(), era=0))
        if self.entries:
            later = difference_units(self._batch(self._uniform(1), era=1))
            self.units = np.where(np.isnan(self.units), later, self.units)

    @property
    def era(self) -> int:
        """How many entries there were."""
        return int(self.entries > 0 and self.evidence.votes >= self.entry)

    def racing(self, era: int) -> NDArray[np.bool_]:
        """Who has entered [M]."""
        return np.asarray(self.evidence.entered <= era)

    def _uniform(self, era: int | None = None) -> FloatArray:
        """π [K], 0 for pairs of those that have not entered."""
        era = self.era if era is None else era
        shown = self.world.members[:, self.racing(era)].any(axis=1)
        chances = np.zeros(len(shown))
        chances[shown] = adaptive_design.uniform_design(self.world.places[shown], self.world.queries)
        return chances

    def _batch(self, chances: FloatArray, era: int, **known: object) -> Batch:
        """The batch of a design, boundless for those that have not entered."""
        here, shown, count = self.racing(era), chances > 0, self.world.contenders
        known["led"] = tuple(self.led)
        found = batch_of(self.world.members[shown][:, here], chances[shown], self.world.queries, era=era, **known)
        together = 1 if self.mode == "swipe" else 2
        square = np.ix_(here, here)
        variance, reach, own = np.full((count, count), np.inf), np.full((count, count), np.inf), np.full(count, np.inf)
        variance[square], reach[square], own[here] = found.variance, together * found.reach, found.own
        np.fill_diagonal(variance, 0.0)
        np.fill_diagonal(reach, 0.0)
        return replace(found, variance=variance, reach=reach, own=own, margin=self.margin)

    def look(self) -> Look:
        """The evidence now."""
        variances = jackknife_variances(self.rows.guard, self.rows.stake)
        racing = self.racing(self.era)
        return look_at(self.evidence, self.units, racing=racing, variances=variances, led=self.led, margin=self.margin)

    def publish(self) -> tuple[Batch, FloatArray]:
        """The next batch and its probabilities."""
        world, votes, era = self.world, self.evidence.votes, self.era
        if not votes:
            return self._batch(self._uniform(), era), self._uniform()
        aimed = self._aim()
        warm = votes < adaptive_design.warm_start(world.contenders) or not self.adaptive or self.mode != "swipe"
        chances = self._uniform()
        if not warm:
            shown = chances > 0
            chances[shown] = adaptive_design.adaptive_design(
                world.members[shown], world.places[shown], world.queries, aimed
            )
        if not self.leaderless and votes >= LEADS_FROM and aimed.leader not in self.led:
            self.led.append(aimed.leader)
        mean = float(shrunk_means(self.query_liked.sum(), votes, 0.5, QUERY_PRIOR))
        means = shrunk_means(self.query_liked, self.query_votes, mean, QUERY_PRIOR)
        known = {
            "leader": -1 if self.leaderless else aimed.leader,
            "closeness": aimed.closeness,
            "mean": mean,
            "query_means": means,
        }
        here = self.racing(era)
        batch = self._batch(chances, era, **known)
        return replace(batch, closeness=np.where(here, aimed.closeness, 0.0)), chances

    def _aim(self) -> adaptive_design.Aim:
        standing = self.racing(self.era) & ~self.record.beaten
        return adaptive_design.aim_design(
            self.evidence, standing, lacking_evidence(self.look(), self.record, DELTA, self.margin)
        )

    def vote(self, batch: Batch, chances: FloatArray, votes: int) -> None:
        """At least so many votes on one design."""
        voters, pairs, shares, answers, groups = self._cast(chances, votes)
        self._grow()
        world, count = self.world, len(pairs)
        none = np.full(count, -1, dtype=np.int8)
        known = known_before(self.histories, voters, answers, none, groups)
        expected = np.full(count, 0.5)
        if self.baseline:
            query_means = batch.mean if batch.query_means is None else batch.query_means[world.places[pairs]]
            expected = baselines_of_votes(
                batch.mean, shrunk_means(known.liked, known.votes, batch.mean, VOTER_PRIOR), query_means
            )
        trust = self._trust(voters) if self.trusting else np.ones(count)
        members, told = world.members[pairs], None
        if self.without_replacement:
            moves = members * (answers - expected)[:, None] / world.queries
            told = self.seen[voters] + before_each(voters, moves, groups)
            np.add.at(self.seen, voters, moves)
        together = groups if self.mode != "swipe" else None
        ready = credits_of(voters, members, 1.0 / (world.queries * shares), trust, answers, expected, together, told)
        add_portion(self.evidence, self.rows, batch, ready)
        remember_votes(self.histories, voters, answers, none)
        np.add.at(self.query_votes, world.places[pairs], 1)
        np.add.at(self.query_liked, world.places[pairs], answers)
        self.evidence.voters = float((self.histories.votes > 0).sum())

    def _cast(self, chances: FloatArray, votes: int) -> tuple[NDArray[np.intp], ...]:
        """Voter, pair, propensity, answer and number of the hand of each vote."""
        sums, rows = np.cumsum(chances), []
        hand_number = 0
        while len(rows) < votes:
            voter = self.crowd.next()
            found = self._hand(voter, chances, sums)
            if found is None:
                self.crowd.leave()
                if self.regular:
                    self.crowd.voters[voter].seen.clear()
                continue
            hand, shares = found
            answers = self.crowd.answer(voter, hand, against=self.mode == "two")
            rows += [(voter, *one, hand_number) for one in zip(hand, shares, answers, strict=True)]
            hand_number += 1
        columns = list(zip(*rows, strict=True))
        kinds = (np.intp, np.intp, np.float64, np.float64, np.intp)
        return tuple(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True))

    def _hand(self, voter: int, chances: FloatArray, sums: FloatArray) -> tuple[list[int], list[float]] | None:
        """Pairs of one query and the probability that each is among them; None where nothing is left."""
        seen = self.crowd.voters[voter].seen if self.without_replacement else set()
        gone = float(chances[list(seen)].sum()) if seen else 0.0
        if gone > 1 - 1e-9 * len(chances):
            return None
        for _ in range(2000):
            first = int(np.searchsorted(sums, self.rng.random() * sums[-1], side="right"))
            if first in seen:
                continue
            if self.mode == "swipe":
                seen.add(first)
                return [first], [chances[first] / (1 - gone)]
            span = [int(one) for one in np.flatnonzero(self.world.places == self.world.places[first])]
            left = [one for one in span if one not in seen and chances[one] > 0]
            if len(left) < (2 if self.mode == "two" else 1):
                continue
            others = [one for one in left if one != first]
            shown = min(MOST_SHOWN[self.mode], len(left))
            hand = [first, *self.rng.permutation(others)[: shown - 1].tolist()]
            seen.update(hand)
            whole, share = float(chances[left].sum()), (shown - 1) / (len(left) - 1) if len(left) > 1 else 0.0
            return hand, [(chances[one] + (whole - chances[one]) * share) / (1 - gone) for one in hand]
        return None

    def _trust(self, voters: NDArray[np.intp]) -> FloatArray:
        """Weights between 0.3 and 1 that have nothing to do with the answers."""
        return np.asarray(0.3 + 0.7 * ((voters * 2654435761 % 1000) / 1000))

    def run(self, most: int, stop: Callable[[Study], bool]) -> int:
        """Vote until `stop` says so, at most `most` votes; how many were cast."""
        while self.evidence.votes < most:
            batch, chances = self.publish()
            self.vote(batch, chances, adaptive_design.batch_size(int(self.evidence.votes)))
            self.record.note_look(self.look(), int(self.evidence.votes), DELTA, self.margin)
            if stop(self):
                break
        return int(self.evidence.votes)

    def concluded(self) -> Conclusion:
        """What may be declared by now."""
        return draw_conclusion(self.record, self.units, self.racing(self.era), self.margin)

    def decided(self) -> int:
        """The winner, -1 while there is none."""
        return self.concluded().winner

    def _grow(self) -> None:
        while len(self.crowd.voters) > len(self.seen):
            self.seen = np.concatenate([self.seen, np.zeros_like(self.seen)])
            for holder in (self.rows, self.histories):
                for one in fields(holder):
                    old = getattr(holder, one.name)
                    setattr(holder, one.name, np.concatenate([old, np.zeros_like(old)]))
