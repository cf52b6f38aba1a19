"""What the board says, as values: pages, API and command show these and compute nothing themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

METHOD = "2"
"""Version of the counting rules; it changes when the same votes would give other numbers."""
ALPHA = 0.05
"""An interval on the board ever misses its value with at most this probability."""
DELTA = 0.05
"""Ranks and winner are ever wrong with at most this probability, all contenders together."""
MARGIN = 0.02
"""Approvals that lie at most so far apart are equal in practice."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the winner is known, and with what risk `delta` of naming a wrong one at any time.

    `votes` were counted when it was declared. `practically_best` are the contenders that are surely at most `margin`
    below every other; there can be several, before any winner is known.
    """

    state: Literal["collecting", "decided"]
    winner: str | None
    delta: float
    votes: int | None = None
    margin: float = MARGIN
    practically_best: tuple[str, ...] = ()

    @property
    def worth_telling(self) -> tuple[str, ...]:
        """Those that are practically the best, where that is more than the winner's name says already."""
        return () if self.practically_best == (self.winner,) else self.practically_best


@dataclass(frozen=True, slots=True)
class Standing:
    """One contender's line. `approval` is None without votes; `votes` are those on its first choices. An archived
    one has no ranks (None).

    `low` … `high` is a confidence sequence, 0 to 1 before there are 20 voters. `design_effect` says by how much voters
    who resemble themselves widen it (variance with voters as clusters over variance of single votes; None unknown).
    `raw_approval` is the same share over all votes, those set aside included. `evidence_against` is log10 of the
    e-value against "this one is the best": the stopping rule drops it at log10(1 / delta).
    """

    contender: str
    rank_best: int | None
    rank_worst: int | None
    approval: float | None
    low: float
    high: float
    votes: int
    control: bool
    design_effect: float | None = None
    raw_approval: float | None = None
    evidence_against: float = 0.0

    @property
    def is_rival(self) -> bool:
        """Whether it is in the race: neither the random control nor archived."""
        return not self.control and self.rank_best is not None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How pairs are drawn now: method (`uniform`, `adaptive`, `quota`), published version (None before the first)."""

    method: str
    version: int | None
    published_votes: int = 0


@dataclass(frozen=True, slots=True)
class SetAside:
    """Votes that stay as rows and do not count, by reason, and the voters behind them."""

    votes: int
    voters: int
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Board:
    """The leaderboard: counted verdicts, the voters behind them, credits given, and the standings, best first.

    `simulated` of the votes come from a simulated crowd. One vote on a pair is credited to each contender that put
    the pair first, so there are more credits than votes. `pending` votes are stored but not in these numbers yet.
    """

    study: str
    votes: int
    simulated: int
    voters: int
    credited_votes: int
    decision: Decision
    standings: tuple[Standing, ...]
    sampling: Sampling
    set_aside: SetAside
    design_effect: float | None = None
    pending: int = 0
    alpha: float = ALPHA
    method: str = METHOD

    def as_json(self) -> dict[str, Any]:
        """The document of `leaderboard --json` and of the API."""
        document = asdict(self)
        document["standings"] = list(document["standings"])
        document["decision"]["practically_best"] = list(self.decision.practically_best)
        return document


@dataclass(frozen=True, slots=True)
class Duel:
    """One contender against another, over the queries of the study.

    `difference` of their approvals with its confidence sequence `low` … `high`, exactly 0 where both put the same pairs
    first. `better` is the probability that the first one is better, given the votes (normal approximation); `evidence`
    is log10 of the e-value for it, valid at any time. `votes` fell on pairs that only one of the two put first; on
    `same` of `queries` both put the same pair first. `design_effect` as in a standing; `error` is the
    difference's standard error, voters as clusters.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    better: float
    evidence: float
    votes: int
    same: int
    queries: int
    design_effect: float | None = None
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """All ordered pairs of contenders: `duels[i][j]` is contender i against j, None for itself; names best first."""

    contenders: tuple[str, ...]
    duels: tuple[tuple[Duel | None, ...], ...]
    alpha: float = ALPHA

    def of(self, first: str, second: str) -> Duel:
        """The duel of two by their names; KeyError for an unknown name or for the same twice."""
        places = {name: place for place, name in enumerate(self.contenders)}
        found = self.duels[places[first]][places[second]]
        if found is None:
            raise KeyError(second)
        return found
