"""When the board of an open study may be published again: in steps of many votes of many people, never of one.

What is published twice can be subtracted. The difference tells which contenders put a pair first as soon as few votes
lie between, so that a step has to hold many votes of many voters, and the newest votes stay out of it. Steps grow with
the votes: there are few of them, however long a study runs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

FEWEST_VOTES, FEWEST_VOTERS = 200, 20
"""A step has so many votes of so many voters."""
GROWTH = 0.2
"""And so large a share of the votes that were published before."""
HELD_BACK_VOTES, HELD_BACK_VOTERS = 50, 10
"""What was cut is published once so many votes of so many voters have come after it."""
MOST_OF_A_VOTER = 10
"""No more of one voter's votes count towards a step."""
VOTERS_OF_AN_ADDRESS, VOTES_OF_AN_ADDRESS = 5, 50
REST_OF_AN_ADDRESS = 0.2
"""Of one address these count, and of what is beyond a fifth: a hall behind one address waits longer, and not for ever.
"""
_JITTER = 0.5


@dataclass(frozen=True, slots=True)
class Step:
    """What has come since: votes that count, and the same with voters and addresses that hold many counted for less."""

    votes: int
    weighed_votes: float
    weighed_voters: float

    def may_be_cut(self, published_votes: int, jitter: float) -> bool:
        """Whether this is enough for the next step; `jitter` (0 … 1) makes its length one that nobody can foresee."""
        longer = 1 + _JITTER * jitter
        return (
            self.votes >= longer * GROWTH * published_votes
            and self.weighed_votes >= longer * FEWEST_VOTES
            and self.weighed_voters >= FEWEST_VOTERS
        )

    @property
    def hides_the_cut(self) -> bool:
        """Whether enough has come after a cut for it to be published."""
        return self.weighed_votes >= HELD_BACK_VOTES and self.weighed_voters >= HELD_BACK_VOTERS


def jitter_of(secret: str, study: int, cut_vote: int) -> float:
    """0 … 1, the same for the same step, known to nobody without the secret."""
    digest = hashlib.sha256(f"{secret}/{study}/{cut_vote}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
