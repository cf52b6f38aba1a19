"""What is known of each voter before each of their votes: how lenient they were, how they did on gold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(slots=True)
class Histories:
    """Counts per voter [V] so far: verdicts that count and how many of them were dope (a tie is half), gold answers."""

    votes: FloatArray
    liked: FloatArray
    gold_right: FloatArray
    gold_wrong: FloatArray

    @classmethod
    def without_votes(cls, voters: int) -> Histories:
        """Voters who have not voted."""
        return cls(*(np.zeros(voters) for _ in range(4)))


def before_each(voters: NDArray[np.intp], values: FloatArray, hands: NDArray[np.intp] | None = None) -> FloatArray:
    """Sum of the same voter's earlier `values` [n, ...], for each of n votes in the order cast.

    Voters' orders do not mix. Votes with the same number in `hands` [n] were cast on what was shown together: none of
    them comes before another.

    >>> before_each(np.array([0, 1, 0, 1, 0]), np.array([1.0, 5.0, 2.0, 7.0, 4.0])).tolist()
    [0.0, 0.0, 1.0, 5.0, 3.0]
    >>> before_each(np.zeros(3, dtype=int), np.array([1.0, 2.0, 4.0]), np.array([0, 0, 1])).tolist()
    [0.0, 0.0, 3.0]
    """
    if not len(voters):
        return np.zeros_like(values)
    order = np.argsort(voters, kind="stable")
    sorted_voters = voters[order]
    running = np.cumsum(values[order], axis=0) - values[order]
    starts = np.flatnonzero(np.r_[True, sorted_voters[1:] != sorted_voters[:-1]])
    lengths = np.diff(np.r_[starts, len(order)])
    earlier_sums = np.empty(values.shape)
    earlier_sums[order] = running - np.repeat(running[starts], lengths, axis=0)
    if hands is not None:
        _, first, hand_index = np.unique(hands, return_index=True, return_inverse=True)
        earlier_sums = earlier_sums[first[hand_index]]
    return earlier_sums


def known_before(
    histories: Histories,
    voters: NDArray[np.intp],
    answers: FloatArray,
    gold: NDArray[np.int8],
    hands: NDArray[np.intp] | None = None,
) -> Histories:
    """The counts of each vote's voter just before it [n], `histories` being what was known before them all.

    `answers` are 1, 0 or 1/2; `gold` is 1 for gold answered right, 0 for wrong, -1 for a vote that is no gold. Of votes
    with the same number in `hands` [n] none is before another: a baseline must not look at another candidate that was
    shown with this one.

    >>> none = np.full(3, -1, dtype=np.int8)
    >>> known_before(Histories.without_votes(1), np.zeros(3, dtype=int), np.array([1.0, 0.0, 1.0]), none).liked.tolist()
    [0.0, 1.0, 1.0]
    """
    plain = (gold < 0).astype(np.float64)
    return Histories(
        histories.votes[voters] + before_each(voters, plain, hands),
        histories.liked[voters] + before_each(voters, plain * answers, hands),
        histories.gold_right[voters] + before_each(voters, (gold == 1).astype(np.float64), hands),
        histories.gold_wrong[voters] + before_each(voters, (gold == 0).astype(np.float64), hands),
    )


def remember_votes(
    histories: Histories, voters: NDArray[np.intp], answers: FloatArray, gold: NDArray[np.int8], sign: float = 1.0
) -> None:
    """Add these votes to the counts, in place; sign -1 takes them back.

    >>> histories = Histories.without_votes(2)
    >>> remember_votes(histories, np.array([0, 1, 1]), np.ones(3), np.array([-1, 1, 0], dtype=np.int8))
    >>> histories.votes.tolist(), histories.gold_right.tolist()
    ([1.0, 0.0], [0.0, 1.0])
    """
    plain = (gold < 0).astype(np.float64)
    np.add.at(histories.votes, voters, sign * plain)
    np.add.at(histories.liked, voters, sign * plain * answers)
    np.add.at(histories.gold_right, voters, sign * (gold == 1))
    np.add.at(histories.gold_wrong, voters, sign * (gold == 0))
