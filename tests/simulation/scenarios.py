"""Studies as they happen: latecomers, small pools, weights of trust, heavy voters, each way of showing pairs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evalapp.stats import inference
from tests.simulation.run import Study
from tests.simulation.world import People, World, world_of

FloatArray = NDArray[np.float64]
HARD = People(taste=0.7, blind=0.2, heavy=0.05)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world of these approvals and what is particular about the study (arguments of `Study`)."""

    name: str
    approvals: tuple[float, ...] = (0.55, 0.50, 0.45)
    overlap: float = 0.4
    queries: int = 300
    people: People = field(default_factory=lambda: HARD)
    study: dict[str, Any] = field(default_factory=dict)

    def begin(self, rng: np.random.Generator) -> Study:
        """A study in which nobody has voted."""
        world = world_of(self.approvals, self.overlap, rng, queries=self.queries, people=self.people)
        if self.study.get("mode") == "two":
            world = replace(world, truth=share_beaten(world))
        return Study(world, rng, **self.study)


SCENARIOS = (
    Scenario("a latecomer as good as the leader", (0.60, 0.50, 0.45, 0.60), 0.3, study={"entries": 1, "entry": 2000}),
    Scenario("a latecomer better than all", (0.60, 0.50, 0.45, 0.70), 0.3, study={"entries": 1, "entry": 2000}),
    Scenario("40 queries, visits of 40", (0.60, 0.50, 0.45), queries=40, people=People(visit=40), study={
        "without_replacement": True}),
    Scenario("150 queries, visits of 40", (0.60, 0.50, 0.45), queries=150, people=People(visit=40), study={
        "without_replacement": True}),
    Scenario("weights of trust", study={"trusting": True, "without_replacement": True}),
    Scenario("one voter casts 85 %", people=People(taste=0.7, visit=5), study={"regular": 0.85}),
    Scenario("two voters cast 40 % each", people=People(taste=0.7, visit=5), study={"regular": 0.8, "regulars": 2}),
    Scenario("a class of 25 casts 60 %", people=People(taste=0.7, visit=5), study={"regular": 0.6, "regulars": 25}),
    Scenario("two alternatives", (0.60, 0.50, 0.45), queries=200, people=People(), study={
        "mode": "two", "without_replacement": True}),
    Scenario("grids", (0.60, 0.50, 0.45), queries=200, people=People(), study={
        "mode": "grid", "without_replacement": True}),
)  # fmt: skip


@dataclass(slots=True)
class Watched:
    """Whether an interval ever missed: of approvals [M], of differences [M, M]; and whether a wrong winner or a wrong
    "practically best" was ever named."""

    approvals: NDArray[np.bool_]
    differences: NDArray[np.bool_]
    winner: bool = False
    practically: bool = False


def watch(study: Study, votes: int) -> Watched:
    """Let the crowd vote and look after every published design."""
    truth, count = study.world.truth, study.world.contenders
    gaps = truth[:, None] - truth
    found = Watched(np.zeros(count, dtype=bool), np.zeros((count, count), dtype=bool))

    def look(one: Study) -> bool:
        shares = inference.estimate_approvals(one.evidence)
        pairs = inference.estimate_differences(one.evidence, one.units)
        entered = one.racing(one.era)
        found.approvals |= ((shares.low > truth) | (shares.high < truth)) & entered
        found.differences |= (pairs.low > gaps + 1e-12) | (pairs.high < gaps - 1e-12)
        here = truth[entered].max()
        near = inference.practically_best(one.evidence, one.units, 0.02, 0.05, entered)
        found.practically |= bool((near & (truth < here - 0.02 - 1e-9)).any())
        said = one.concluded()
        margin = one.margin if said.kind == "within_margin" else 0.0
        found.winner |= said.winner >= 0 and truth[said.winner] < here - margin - 1e-5
        return False

    study.run(votes, look)
    return found


def share_beaten(world: World) -> FloatArray:
    """What approval is where two are shown: the share of the other pairs of the query that a contender's pair beats."""
    worth = np.zeros(len(world.logits))
    for query in range(world.queries):
        span = np.flatnonzero(world.places == query)
        others = expit(world.logits[span][:, None] - world.logits[span])
        beaten = (others.sum(axis=1) - 0.5) / max(1, len(span) - 1)
        worth[span] = (1 - world.people.blind) * beaten + world.people.blind * 0.5
    shown = np.bincount(world.places, minlength=world.queries)[world.places] > 1
    columns = (world.members & shown[:, None]).astype(np.float64)
    return np.asarray((worth @ columns) / columns.sum(axis=0))
