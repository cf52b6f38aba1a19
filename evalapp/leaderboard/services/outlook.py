"""What is to be expected of a study from where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from evalapp.leaderboard.services.numbers import Board, Duel, HeadToHead
from evalapp.stats.planning import Plan, plan_from_now


@dataclass(frozen=True, slots=True)
class Outlook:
    """The two rivals at the top and the votes, in all, until they are told apart."""

    duel: Duel
    votes: int
    plan: Plan


def outlook_of(board: Board, duels: HeadToHead) -> Outlook | None:
    """None while there are not two with votes, or nothing is known of how they differ."""
    top = [line.contender for line in board.standings if line.is_rival and line.approval is not None][:2]
    if len(top) < 2:
        return None
    duel = duels.of(top[0], top[1])
    if not duel.error:
        return None
    return Outlook(duel, board.votes, plan_from_now(duel.difference, duel.error, board.votes, board.decision.delta))
