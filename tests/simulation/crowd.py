"""Who votes in a simulated study, one visit after another, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tests.simulation.world import World

FloatArray = NDArray[np.float64]


@dataclass(slots=True)
class Voter:
    """Somebody's leniency, blindness, taste per contender, and the pairs they have seen."""

    lenient: float
    blind: bool
    taste: FloatArray
    seen: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Crowd:
    """Voters in the order of their first vote. `regulars` voters cast the share `regular` of all votes between them."""

    world: World
    rng: np.random.Generator
    regular: float = 0.0
    regulars: int = 1
    voters: list[Voter] = field(default_factory=list)
    guest: int = -1
    left: int = 0

    def next(self) -> int:
        """The number of who votes now."""
        if self.regular and self.rng.random() < self.regular:
            while len(self.voters) < self.regulars:
                self._arrive()
            return int(self.rng.integers(self.regulars))
        if self.left <= 0:
            people = self.world.people
            self.guest = self._arrive()
            self.left = int(self.rng.geometric(1 / (people.visit * (10 if self.rng.random() < people.heavy else 1))))
        self.left -= 1
        return self.guest

    def _arrive(self) -> int:
        people, rng = self.world.people, self.rng
        taste = rng.normal(0, people.taste, self.world.contenders)
        self.voters.append(Voter(rng.normal(0, people.leniency), bool(rng.random() < people.blind), taste))
        return len(self.voters) - 1

    def leave(self) -> None:
        """Whoever visits has seen everything."""
        self.left = 0

    def answer(self, voter: int, hand: list[int], *, against: bool = False) -> list[float]:
        """Dope or not for each pair; `against` each other, the one that is closer."""
        who = self.voters[voter]
        logits = np.array([self.world.logits[pair] + self._leaning(who, pair) for pair in hand])
        if against:
            first = float(self.rng.random() < (0.5 if who.blind else expit(logits[0] - logits[1])))
            return [first, 1.0 - first]
        chance = np.where(who.blind, 0.5, expit(logits + who.lenient))
        return (self.rng.random(len(hand)) < chance).astype(float).tolist()

    def _leaning(self, who: Voter, pair: int) -> float:
        if not self.world.people.taste:
            return 0.0
        # One leaning per pair, of the variance of a single one, from all who put it first.
        mine = who.taste[self.world.members[pair]]
        return float(mine.sum() / np.sqrt(max(1, len(mine))))
