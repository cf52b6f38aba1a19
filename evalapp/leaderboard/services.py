"""The standings of a study, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from evalapp.leaderboard.queries import Design, Tally, contenders_of, design_of, tally_of
from evalapp.stats.estimators import WeightedVotes
from evalapp.stats.intervals import Interval, betting
from evalapp.stats.ranking import rank_ranges, winner
from evalapp.studies.models import Contender, Study

ALPHA = 0.05
"""An interval on the board ever misses its contender's approval with at most this probability."""
DELTA = 0.05
"""Ranks and winner are ever wrong with at most this probability, all contenders together."""
_NO_VOTES = WeightedVotes.of([], [], [])


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the winner is known, and with what risk `delta` of naming a wrong one at any time."""

    state: Literal["collecting", "decided"]
    winner: str | None
    delta: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One contender's line. `approval` is None without votes; `votes` are those on its first choices."""

    contender: str
    rank_best: int
    rank_worst: int
    approval: float | None
    low: float
    high: float
    votes: int
    control: bool


@dataclass(frozen=True, slots=True)
class Board:
    """The leaderboard: counted verdicts, the voters behind them, credits given, and the standings, best first.

    `simulated` of the votes come from a simulated crowd. One vote on a pair is credited to each contender that put
    the pair first, so there are more credits than votes.
    """

    study: str
    votes: int
    simulated: int
    voters: int
    credited_votes: int
    decision: Decision
    standings: tuple[Standing, ...]

    def as_json(self) -> dict[str, Any]:
        """The document of `leaderboard --json` and of the API."""
        return {**asdict(self), "standings": [asdict(standing) for standing in self.standings]}


def board_of(study: Study) -> Board:
    """The standings as of now. Right however often it is looked at."""
    contenders = contenders_of(study)
    design = design_of(study)
    tally = tally_of(study, design.queries)
    strict = [_interval(one, design, tally, DELTA / len(contenders)) for one in contenders]
    standings = _standings(contenders, design, tally, strict)
    best = winner(strict)
    decision = Decision(
        state="collecting" if best is None else "decided",
        winner=None if best is None else contenders[best].name,
        delta=DELTA,
    )
    credited = sum(standing.votes for standing in standings)
    return Board(study.slug, tally.votes, tally.simulated, tally.voters, credited, decision, standings)


def _standings(
    contenders: Sequence[Contender], design: Design, tally: Tally, strict: Sequence[Interval]
) -> tuple[Standing, ...]:
    lines = []
    for contender, rank in zip(contenders, rank_ranges(strict), strict=True):
        interval = _interval(contender, design, tally, ALPHA)
        lines.append(
            Standing(
                contender=contender.name,
                rank_best=rank.best,
                rank_worst=rank.worst,
                approval=interval.estimate,
                low=interval.low,
                high=interval.high,
                votes=tally.credited.get(contender.pk, _NO_VOTES).count,
                control=contender.is_control,
            )
        )
    return tuple(sorted(lines, key=_place))


def _place(line: Standing) -> tuple[bool, float, str]:
    return line.approval is None, -(line.approval or 0.0), line.contender


def _interval(contender: Contender, design: Design, tally: Tally, alpha: float) -> Interval:
    return betting(
        tally.credited.get(contender.pk, _NO_VOTES),
        weight_bound=design.weight_bound,
        variance_bound=design.variance_bounds.get(contender.pk, 1.0),
        alpha=alpha,
    )
