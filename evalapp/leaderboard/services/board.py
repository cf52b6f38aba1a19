"""The board and the head-to-head matrix, out of the study's sums."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from evalapp.leaderboard.domain.results import (
    ALPHA,
    DELTA,
    MARGIN,
    Board,
    Decision,
    Duel,
    HeadToHead,
    Missing,
    Reason,
    Sampling,
    SetAside,
    Standing,
)
from evalapp.leaderboard.models import BoardBatch, BoardState
from evalapp.leaderboard.queries import agreement_of, contenders_of, pending_votes
from evalapp.leaderboard.services.sums.accumulate import open_book
from evalapp.leaderboard.services.sums.codec import FORMAT, widen_evidence
from evalapp.leaderboard.services.sums.decisions import is_rehearsal, record_of, units_of
from evalapp.stats import inference
from evalapp.stats.decision import Kind, Look, Record, draw_conclusion, evidence_bars, lacking_evidence, look_at
from evalapp.stats.designs import adaptive_design
from evalapp.stats.inference import Differences
from evalapp.stats.intervals.normal_mixture import LEAST_VOTERS
from evalapp.stats.planning import plan_from_now
from evalapp.stats.sums.contender_sums import Evidence, FloatArray
from evalapp.studies.models import Contender, Study
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import Vote

_LN10 = float(np.log(10.0))


@dataclass(frozen=True, slots=True)
class BoardSums:
    """The sums as they were last stored, widened to all contenders; `votes` more are stored and not in them yet."""

    contenders: list[Contender]
    evidence: Evidence
    units: FloatArray
    raw: FloatArray
    state: BoardState | None
    sampling: Sampling
    record: Record
    led: tuple[int, ...]
    pending: int

    @property
    def racing(self) -> NDArray[np.bool_]:
        """Contenders that are not archived [M]."""
        return np.array([one.archived_at is None for one in self.contenders], dtype=bool)

    @property
    def winner(self) -> int:
        """The place of the winner that was declared, -1 for none."""
        declared = self.state.winner_id if self.state else None
        places = (place for place, one in enumerate(self.contenders) if one.pk == declared and one.archived_at is None)
        return next(places, -1)


def stored_sums_of(study: Study) -> BoardSums:
    """What the board is made of, as a reader finds it: nothing is added and nothing written.

    Sums of another format tell nothing to this program; they are added anew by the next `update_sums`.
    """
    contenders = contenders_of(study)
    count = len(contenders)
    state = BoardState.objects.filter(study=study, format=FORMAT).select_related("study").first()
    pending = pending_votes(study, state.looked_vote if state else 0)
    if state is None:
        apart = np.where(np.eye(count, dtype=bool), 0.0, np.nan)
        none, raw = Evidence.before_votes(count), np.zeros((2, count))
        return BoardSums(
            contenders, none, apart, raw, None, Sampling("uniform", None), Record.nothing_reached(count), (), pending
        )
    book = open_book(study, state)
    stored_count = len(book.contenders)
    scale = np.where(np.eye(count, dtype=bool), 0.0, np.nan)
    scale[:stored_count, :stored_count] = units_of(book)
    raw = np.zeros((2, count))
    raw[:, :stored_count] = book.raw
    last = BoardBatch.objects.filter(study=study).order_by("-version").defer("numbers").first()
    sampling = Sampling(last.method, last.version or None, last.votes) if last else Sampling("uniform", None)
    record = record_of(state, [one.pk for one in contenders])
    evidence = widen_evidence(book.evidence, count)
    return BoardSums(contenders, evidence, scale, raw, state, sampling, record, book.leaders_until(), pending)


def board_of(study: Study, sums: BoardSums | None = None) -> Board:
    """The standings by the sums as they are stored, best first. Right however often it is looked at."""
    sums = sums or stored_sums_of(study)
    evidence = sums.evidence
    approvals = inference.estimate_approvals(evidence, ALPHA)
    against = inference.estimate_differences(evidence, sums.units, ALPHA)
    racing = sums.racing
    look = look_at(evidence, sums.units, racing=racing, led=sums.led, margin=study.margin)
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = sums.raw[0] / sums.raw[1]
    best, worst = inference.rank_bounds(against.log_evidence, DELTA, racing, sums.winner)
    lines = [
        Standing(
            contender=contender.name,
            rank_best=int(best[column]) if racing[column] else None,
            rank_worst=int(worst[column]) if racing[column] else None,
            approval=_finite_or_none(approvals.estimates[column]),
            low=float(approvals.low[column]),
            high=float(approvals.high[column]),
            votes=round(evidence.credited[column]),
            control=contender.is_control,
            design_effect=_finite_or_none(approvals.design_effects[column]),
            raw_approval=_finite_or_none(raw[column]),
            evidence_against=float(min(look.stops[column], look.guards[column]) / _LN10),
        )
        for column, contender in enumerate(sums.contenders)
    ]
    decision = decision_of(study, sums, against, look)
    effects = approvals.design_effects[np.isfinite(approvals.design_effects)]
    return Board(
        study=study.slug,
        votes=round(evidence.votes),
        simulated=sums.state.simulated if sums.state else 0,
        voters=round(evidence.voters),
        credited_votes=round(evidence.credited.sum()),
        decision=decision,
        standings=tuple(sorted(lines, key=_board_order)),
        sampling=sums.sampling,
        set_aside=set_aside_of(study),
        design_effect=float(np.median(effects)) if effects.size else None,
        pending=sums.pending,
    )


def head_to_head(study: Study, sums: BoardSums | None = None) -> HeadToHead:
    """Every contender against every other; best first, as on the board."""
    sums = sums or stored_sums_of(study)
    approvals = inference.estimate_approvals(sums.evidence, ALPHA)
    differences = inference.estimate_differences(sums.evidence, sums.units, ALPHA)
    names = [contender.name for contender in sums.contenders]
    order = sorted(
        range(len(names)),
        key=lambda i: (bool(np.isnan(approvals.estimates[i])), -float(np.nan_to_num(approvals.estimates[i])), names[i]),
    )
    same, queries = agreement_of(study)

    def make_duel(i: int, j: int) -> Duel | None:
        if i == j:
            return None
        return Duel(
            first=names[i],
            second=names[j],
            difference=float(differences.estimates[i, j]),
            low=float(differences.low[i, j]),
            high=float(differences.high[i, j]),
            better=float(differences.better[i, j]),
            evidence=float(differences.log_evidence[i, j] / _LN10),
            votes=round(sums.evidence.told_apart[i, j]),
            same=int(same[i, j]),
            queries=queries,
            design_effect=_finite_or_none(differences.design_effects[i, j]),
            error=float(differences.errors[i, j]),
            compared=bool(differences.compared[i, j]),
        )

    duels = tuple(tuple(make_duel(i, j) for j in order) for i in order)
    return HeadToHead(tuple(names[i] for i in order), duels)


def decision_of(study: Study, sums: BoardSums, against: Differences, look: Look) -> Decision:
    """The winner that was declared once (see `decisions` for when it is taken back), or what is missing for one."""
    names = [one.name for one in sums.contenders]
    racing, margin = sums.racing, study.margin
    near = inference.practically_best(sums.evidence, sums.units, margin or MARGIN, DELTA, racing)
    close = tuple(name for name, is_near in zip(names, near, strict=True) if is_near)
    undecided = Decision("collecting", None, DELTA, margin=margin or MARGIN, practically_best=close)
    if sums.winner >= 0 and sums.state:
        kind: Kind = "within_margin" if sums.state.decided_kind == "within_margin" else "best"
        winner = names[sums.winner]
        votes = sums.state.decided_votes
        return replace(undecided, state="decided", winner=winner, votes=votes, kind=kind, reason=kind, leader=winner)
    if racing.sum() < 2:
        return replace(undecided, reason="too_few_contenders")
    if not sums.evidence.votes:
        return undecided
    standing = racing & ~sums.record.beaten
    leader = adaptive_design.aim_design(sums.evidence, standing if standing.any() else racing).leader
    lacks = lacking_evidence(look, sums.record, DELTA, margin)[leader]
    settled = ~standing | sums.record.close[leader] | against.alike[leader]
    rivals = [int(place) for place in np.argsort(-lacks, kind="stable") if not settled[place]]
    missing = Missing(max(0, LEAST_VOTERS - round(sums.evidence.voters)), tuple(names[place] for place in rivals))
    if missing.voters:
        reason: Reason = "too_few_voters"
    elif not against.compared[leader, rivals].all():
        reason = "not_compared"
    elif not _bets_lack(look, sums, rivals, margin):
        reason = "too_few_heavy"
    else:
        reason = "not_beaten"
    if rivals and reason != "not_compared":
        missing = _with_votes(missing, sums, against, leader, rivals[0])
    if sums.state and is_rehearsal(sums.state):
        conclusion = draw_conclusion(sums.record, sums.units, racing, margin)
        front = names[conclusion.winner if conclusion.winner >= 0 else leader]
        return replace(undecided, reason="rehearsal", kind=conclusion.kind, leader=front, missing=missing)
    return replace(undecided, reason=reason, leader=names[leader], missing=missing)


def _bets_lack(look: Look, sums: BoardSums, rivals: list[int], margin: float) -> bool:
    """Whether the bets against a rival are not won; if they are, the voters are too few for what they say."""
    won = (sums.record.stops > 0) | (look.stops >= evidence_bars(DELTA, margin)[0])
    return not won[rivals].all()


def _with_votes(missing: Missing, sums: BoardSums, against: Differences, leader: int, rival: int) -> Missing:
    """And how many votes more until the leader and its closest rival are told apart, and the middle half of cases."""
    error, votes = float(against.errors[leader, rival]), round(sums.evidence.votes)
    if error <= 0 or sums.evidence.voters < LEAST_VOTERS:
        return missing
    margin = sums.state.study.margin if sums.state else 0.0
    gap = float(against.estimates[leader, rival])
    best, near = (float(np.exp(-bar)) for bar in evidence_bars(DELTA, margin))
    plans = [plan_from_now(gap, error, votes, best)]
    if margin > 0:
        plans.append(plan_from_now(gap + margin, error, votes, near / 2))
    soon, likely, late = (
        min((end for plan in plans if (end := getattr(plan, name)) is not None), default=None)
        for name in ("soon", "likely", "late")
    )
    low, middle, high = (None if end is None else max(0, int(end) - votes) for end in (soon, likely, late))
    return replace(missing, votes=middle, votes_low=low, votes_high=high)


def set_aside_of(study: Study) -> SetAside:
    """Votes that do not count, by reason; those that voters took back themselves are none of them."""
    aside = Vote.objects.filter(study=study, counted=False).exclude(void_reason=UNDONE)
    reasons = dict(aside.values_list("void_reason").annotate(votes=Count("pk")))
    voters = aside.values("voter").distinct().count() if reasons else 0
    return SetAside(sum(reasons.values()), voters, reasons)


def _finite_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _board_order(line: Standing) -> tuple[bool, float, str]:
    return line.approval is None, -(line.approval or 0.0), line.contender
