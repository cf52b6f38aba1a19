"""What is to be expected of a study from where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evalapp.leaderboard.domain.results import DELTA, Board, Duel, HeadToHead
from evalapp.leaderboard.services.board import BoardSums, board_of
from evalapp.stats import inference
from evalapp.stats.decision import evidence_bars
from evalapp.stats.planning import Plan, plan_from_now
from evalapp.studies.models import Study

MARGINS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1)
"""What somebody may be ready to accept, as shares: nothing at all to ten points."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The two rivals at the top and the votes, in all, until they are told apart."""

    duel: Duel
    votes: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who would do for somebody who accepts what is at most `margin` below the best: `names`, nobody if empty.

    Then about `votes` more are needed, `low` to `high` in half of all cases; None: more than anybody will cast.
    """

    margin: float
    names: tuple[str, ...]
    votes: int | None = None
    low: int | None = None
    high: int | None = None


def outlook_of(board: Board, duels: HeadToHead) -> Outlook | None:
    """None while there are not two with votes, or nothing is known of how they differ."""
    top = [line.contender for line in board.standings if line.is_rival and line.approval is not None][:2]
    if len(top) < 2:
        return None
    duel = duels.duel_of(top[0], top[1])
    if not duel.error:
        return None
    return Outlook(duel, board.votes, plan_from_now(duel.difference, duel.error, board.votes, board.decision.delta))


def acceptances_of(study: Study, sums: BoardSums, board: Board | None = None) -> list[Acceptance]:
    """One for each of MARGINS, by the e-values of "practically equal"; none before there is somebody in front.

    Whoever is near enough for one margin is so for all larger ones, so that looking at all of them costs no risk.
    """
    board = board or board_of(study, sums)
    names, front = [one.name for one in sums.contenders], board.decision.leader
    if front is None or not board.votes or sums.racing.sum() < 2:
        return []
    against = inference.estimate_differences(sums.evidence, sums.units, board.alpha)
    leader = names.index(front)
    rivals = [
        int(place) for place in np.flatnonzero(sums.racing) if place != leader and against.compared[leader, place]
    ]
    return [
        _acceptance_at(board, sums, names, margin, _votes_to_reach(board, against, leader, rivals, margin))
        for margin in MARGINS
    ]


def acceptances_as_stored(rows: Sequence[dict[str, Any]]) -> list[Acceptance]:
    """What `stored_acceptances` wrote."""
    return [Acceptance(**{**row, "names": tuple(row["names"])}) for row in rows]


def stored_acceptances(study: Study, sums: BoardSums, board: Board) -> list[dict[str, Any]]:
    """As documents."""
    return [{**asdict(one), "names": list(one.names)} for one in acceptances_of(study, sums, board)]


def _acceptance_at(
    board: Board, sums: BoardSums, names: list[str], margin: float, votes: tuple[int | None, ...]
) -> Acceptance:
    decision = board.decision
    near = [False] * len(names)
    if margin > 0:
        near = inference.practically_best(sums.evidence, sums.units, margin, DELTA, sums.racing).tolist()
    settled = decision.winner if decision.kind == "best" or decision.margin <= margin else None
    near_names = tuple(name for name, is_near in zip(names, near, strict=True) if is_near or name == settled)
    return Acceptance(margin, near_names) if near_names else Acceptance(margin, (), *votes)


def _votes_to_reach(
    board: Board, against: inference.Differences, leader: int, rivals: list[int], margin: float
) -> tuple[int | None, int | None, int | None]:
    """So many votes more until the leader is told apart from its closest rival, or is near enough to it."""
    uncertain = [rival for rival in rivals if against.errors[leader, rival] > 0]
    if not uncertain:
        return None, None, None
    closest = min(
        uncertain, key=lambda rival: (against.estimates[leader, rival] + margin) / against.errors[leader, rival]
    )
    gap, error = float(against.estimates[leader, closest]), float(against.errors[leader, closest])
    plans = [plan_from_now(gap, error, board.votes, float(np.exp(-evidence_bars(DELTA, 0.0)[0])))]
    if margin > 0:
        plans.append(plan_from_now(gap + margin, error, board.votes, DELTA / max(1, len(rivals))))
    ends = [
        min((end for plan in plans if (end := getattr(plan, name)) is not None), default=None)
        for name in ("likely", "soon", "late")
    ]
    likely, soon, late = (None if end is None else max(0, end - board.votes) for end in ends)
    return likely, soon, late
