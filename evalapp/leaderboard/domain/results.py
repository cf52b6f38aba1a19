"""What the board says, as values: pages, API and command show these and compute nothing themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log
from typing import Any, Literal

from evalapp.stats.inference import rank_bar

_LN10 = log(10.0)
METHOD = "3"
"""Version of the counting rules; it changes when the same votes would give other numbers."""
ALPHA = 0.05
"""An interval on the board ever misses its value with at most this probability."""
DELTA = 0.05
"""The winner, however declared, is ever wrong with at most this probability, and so is each contender's rank range."""
MARGIN = 0.02
"""Approvals that lie at most so far apart are equal in practice."""


Reason = Literal[
    "best",
    "within_margin",
    "no_votes",
    "too_few_contenders",
    "too_few_voters",
    "not_compared",
    "not_beaten",
    "too_few_heavy",
    "rehearsal",
]
"""Why the decision is what it is: what was shown, or which condition is not met yet; votes of a simulated crowd decide
nothing."""
Advice = Literal["use", "use_any", "use_cheaper", "invite", "tie", "end_rehearsal"]
"""What to do next: ship the winner; any of those that are practically the best; ask more people; call it a tie and take
the cheaper one; put an end to the rehearsal. `use_cheaper` of a closed study without a winner."""
WORTH_VOTES, WORTH_TIMES = 20_000, 10
"""More votes than this, and so many times what there are, are not worth a decision: nobody would notice the difference.
"""


def share_of_votes(some: int, votes: int) -> float:
    """0 … 1; rounded counts of a published board may say more than there are."""
    return min(1.0, some / votes) if votes else 0.0


@dataclass(frozen=True, slots=True)
class Missing:
    """What an undecided study lacks: so many `voters` to the first statement, and the `rivals` of the leader that are
    not beaten, the closest first. At the present pace `votes` more are likely to decide, `votes_low` to `votes_high` in
    half of all cases; None where that is not known."""

    voters: int = 0
    rivals: tuple[str, ...] = ()
    votes: int | None = None
    votes_low: int | None = None
    votes_high: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the winner is known, and with what risk `delta` of naming a wrong one at any time.

    `votes` were counted when it was declared, as `kind`: the best, or at most `margin` below the best. `reason` says
    why it was, or what is `missing`; `leader` is in front now. In a `rehearsal` nobody is declared: `leader` and `kind`
    say who would be, as what, if the votes were people's. `practically_best` are the contenders that are surely at
    most `margin` below every other; there can be several, before any winner is known.
    """

    state: Literal["collecting", "decided"]
    winner: str | None
    delta: float
    votes: int | None = None
    margin: float = MARGIN
    practically_best: tuple[str, ...] = ()
    kind: Literal["best", "within_margin"] | None = None
    reason: Reason = "no_votes"
    leader: str | None = None
    missing: Missing = Missing()

    @property
    def worth_telling(self) -> tuple[str, ...]:
        """Practically best contenders; empty where the winner alone is one."""
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

    @property
    def is_rehearsal(self) -> bool:
        """Whether votes of a simulated crowd are among these."""
        return self.simulated > 0

    @property
    def simulated_share(self) -> float:
        """0 … 1, of the votes that count."""
        return share_of_votes(self.simulated, self.votes)

    def advice(self, *, is_open: bool) -> Advice:
        """What to do next, for the one who has to decide."""
        decision, missing = self.decision, self.decision.missing
        if decision.state == "decided":
            return "use"
        if decision.reason == "rehearsal":
            return "end_rehearsal"
        if decision.practically_best and self.votes:
            return "use_any"
        if not is_open:
            return "use_cheaper" if self.votes else "invite"
        # Even if the difference is larger than it seems.
        hopeful = missing.votes_low or 0
        is_tie = decision.reason == "not_beaten" and hopeful > max(WORTH_VOTES, WORTH_TIMES * self.votes)
        return "tie" if is_tie else "invite"

    def as_json(self) -> dict[str, Any]:
        """The document of `leaderboard --json` and of the API."""
        document = {**asdict(self), "rehearsal": self.is_rehearsal}
        document["standings"] = list(document["standings"])
        document["decision"]["practically_best"] = list(self.decision.practically_best)
        document["decision"]["missing"]["rivals"] = list(self.decision.missing.rivals)
        return document


@dataclass(frozen=True, slots=True)
class Duel:
    """One contender against another, over the queries of the study.

    `difference` of their approvals with its confidence sequence `low` … `high`, exactly 0 where both put the same pairs
    first. Of two that were never `compared` nothing is known. `better` is the probability that the first one is better,
    given the votes and how much the contenders differ among themselves (normal approximation); `evidence` is log10 of
    the e-value for it, valid at any time. `votes` fell on pairs that only one of the two put first; on `same` of
    `queries` both put the same pair first. `design_effect` as in a standing; `error` is the
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
    compared: bool = True


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """All ordered pairs of contenders: `duels[i][j]` is contender i against j, None for itself; names best first."""

    contenders: tuple[str, ...]
    duels: tuple[tuple[Duel | None, ...], ...]
    alpha: float = ALPHA

    def relative_evidence(self, first: str, second: str) -> float | None:
        """The evidence that the first is better over what ranks ask for: from 1 on it is sure; below 0 that for the
        second. None for itself, and for two that were never compared."""
        if first == second or not self.duel_of(first, second).compared:
            return None
        bar = rank_bar(len(self.contenders), DELTA) / _LN10
        mine, theirs = self.duel_of(first, second).evidence, self.duel_of(second, first).evidence
        return max(0.0, mine) / bar if mine >= theirs else -max(0.0, theirs) / bar

    def duel_of(self, first: str, second: str) -> Duel:
        """The duel of two by their names; KeyError for an unknown name or for the same twice."""
        places = {name: place for place, name in enumerate(self.contenders)}
        duel = self.duels[places[first]][places[second]]
        if duel is None:
            raise KeyError(second)
        return duel
