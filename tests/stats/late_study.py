"""A small study that a third contender enters late, vote by vote, for twins that add up with plain loops."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evalapp.stats.sums.contender_sums import Evidence, VoterSums, add_portion, credits_of
from evalapp.stats.sums.epochs import Batch, batch_of

Array = NDArray[np.float64]
QUERIES = 3
# Rows are pairs: of query 0, 0, 1, 1, 2, 2, 2.
MEMBERS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)
EARLY = np.array([0.2, 0.1, 0.15, 0.2, 0.2, 0.15, 0.0])
LATE = np.array([0.1, 0.2, 0.15, 0.1, 0.15, 0.1, 0.2])


@dataclass(frozen=True)
class Vote:
    """One vote: its batch, row of the voter, who put the pair first, 1 / (Q π), trust, answer and baseline."""

    batch: Batch
    voter: int
    members: NDArray[np.bool_]
    weight: float
    trust: float
    answer: float
    baseline: float

    def moves(self) -> Array:
        """r w 1_i (y - m) of each contender."""
        return np.asarray(self.trust * self.weight * self.members * (self.answer - self.baseline))


def early_batch(**known: object) -> Batch:
    """Contender 2 has not entered: nothing bounds what is said of it."""
    asked = EARLY > 0
    members = MEMBERS[asked] & np.array([True, True, False])
    batch = batch_of(members, EARLY[asked], QUERIES, **known)
    absent = np.array([False, False, True])
    either = absent[:, None] | absent
    return replace(
        batch,
        variance=np.where(either, np.inf, batch.variance),
        reach=np.where(either, np.inf, batch.reach),
        own=np.where(absent, np.inf, batch.own),
    )


def late_batch(**known: object) -> Batch:
    """All three take part."""
    return batch_of(MEMBERS, LATE, QUERIES, era=1, **known)


def study_votes(seed: int = 0, voters: int = 24, each: int = 15) -> list[Vote]:
    """Votes in three batches: early without a leader, early led by 1, late led by 0 with a margin."""
    random = np.random.default_rng(seed)
    batches = [
        (early_batch(), EARLY),
        (early_batch(leader=1, led=(1,), margin=0.0), EARLY),
        (late_batch(leader=0, closeness=np.array([0.0, 0.7, 0.3]), led=(1, 0), margin=0.04), LATE),
    ]
    votes = []
    for batch, chances in batches:
        for _ in range(voters * each // 3):
            pair = int(random.choice(len(chances), p=chances / chances.sum()))
            members = MEMBERS[pair] & (np.array([True, True, batch.era > 0]))
            liked = float(random.random() < (0.8, 0.5, 0.3)[int(np.flatnonzero(MEMBERS[pair])[0])])
            votes.append(
                Vote(
                    batch,
                    int(random.integers(voters)),
                    members,
                    float(1 / (QUERIES * chances[pair])),
                    float(random.uniform(0.3, 1.0)),
                    liked,
                    float(random.uniform(0.2, 0.8)),
                )
            )
    return votes


def study_evidence(votes: list[Vote], voters: int = 24) -> tuple[Evidence, VoterSums]:
    """The sums of these votes."""
    evidence, rows = Evidence.before_votes(3, eras=2, entered=(0, 0, 1)), VoterSums.zeros_for(voters, 3, eras=2)
    for batch in {id(vote.batch): vote.batch for vote in votes}.values():
        mine = [vote for vote in votes if vote.batch is batch]
        columns = (np.array([getattr(one, name) for one in mine]) for name in ("weight", "trust", "answer", "baseline"))
        members = np.array([vote.members for vote in mine])
        add_portion(evidence, rows, batch, credits_of(np.array([vote.voter for vote in mine]), members, *columns))
    evidence.voters = float(len({vote.voter for vote in votes}))
    return evidence, rows
