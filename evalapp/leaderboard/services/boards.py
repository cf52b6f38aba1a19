"""The board and the head-to-head matrix, out of the study's sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from evalapp.leaderboard.models import BoardBatch, BoardState
from evalapp.leaderboard.queries import agreement_of, contenders_of
from evalapp.leaderboard.services.crediting import open_book, rebuild_sums, units_of, update_sums
from evalapp.leaderboard.services.numbers import (
    ALPHA,
    DELTA,
    MARGIN,
    Board,
    Decision,
    Duel,
    HeadToHead,
    Sampling,
    SetAside,
    Standing,
)
from evalapp.stats import inference
from evalapp.stats.evidence import Evidence, FloatArray
from evalapp.studies.models import Contender, Study
from evalapp.voting.models import Vote

MOST_ON_READ = 20_000
"""Votes that a reader waits for; a longer backlog is worked off in the background."""
_LN10 = float(np.log(10.0))


@dataclass(frozen=True, slots=True)
class _Sums:
    contenders: list[Contender]
    evidence: Evidence
    units: FloatArray
    raw: FloatArray
    state: BoardState | None
    sampling: Sampling

    @property
    def racing(self) -> NDArray[np.bool_]:
        """Who is not archived [M]."""
        return np.array([one.archived_at is None for one in self.contenders], dtype=bool)


def board_of(study: Study, *, rebuild: bool = False) -> Board:
    """The standings as of now, best first. Right however often it is looked at.

    `rebuild` forgets the sums first and adds all votes anew, which changes nothing but the time that it takes.
    """
    if rebuild:
        rebuild_sums(study)
    sums = _sums_of(study)
    evidence = sums.evidence
    found = inference.approvals(evidence, ALPHA)
    against = inference.differences(evidence, sums.units, ALPHA)
    racing = sums.racing
    verdict = inference.verdict(evidence, sums.units, DELTA, racing)
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = sums.raw[0] / sums.raw[1]
    best, worst = inference.rank_bounds(against.log_evidence, DELTA, racing)
    lines = [
        Standing(
            contender=contender.name,
            rank_best=int(best[place]) if racing[place] else None,
            rank_worst=int(worst[place]) if racing[place] else None,
            approval=_number(found.estimates[place]),
            low=float(found.low[place]),
            high=float(found.high[place]),
            votes=round(evidence.credited[place]),
            control=contender.is_control,
            design_effect=_number(found.design_effects[place]),
            raw_approval=_number(raw[place]),
            evidence_against=float(min(verdict.log_stops[place], verdict.log_guards[place]) / _LN10),
        )
        for place, contender in enumerate(sums.contenders)
    ]
    decision = _decision(sums, [line.contender for line in lines])
    effects = found.design_effects[np.isfinite(found.design_effects)]
    return Board(
        study=study.slug,
        votes=round(evidence.votes),
        simulated=sums.state.simulated if sums.state else 0,
        voters=round(evidence.voters),
        credited_votes=round(evidence.credited.sum()),
        decision=decision,
        standings=tuple(sorted(lines, key=_place)),
        sampling=sums.sampling,
        set_aside=set_aside_of(study),
        design_effect=float(np.median(effects)) if effects.size else None,
    )


def head_to_head(study: Study) -> HeadToHead:
    """Every contender against every other; best first, as on the board."""
    sums = _sums_of(study)
    approvals = inference.approvals(sums.evidence, ALPHA)
    found = inference.differences(sums.evidence, sums.units, ALPHA)
    names = [contender.name for contender in sums.contenders]
    order = sorted(
        range(len(names)),
        key=lambda i: (bool(np.isnan(approvals.estimates[i])), -float(np.nan_to_num(approvals.estimates[i])), names[i]),
    )
    same, queries = agreement_of(study)

    def duel(i: int, j: int) -> Duel | None:
        if i == j:
            return None
        return Duel(
            first=names[i],
            second=names[j],
            difference=float(found.estimates[i, j]),
            low=float(found.low[i, j]),
            high=float(found.high[i, j]),
            better=float(found.better[i, j]),
            evidence=float(found.log_evidence[i, j] / _LN10),
            votes=round(sums.evidence.told_apart[i, j]),
            same=int(same[i, j]),
            queries=queries,
            design_effect=_number(found.design_effects[i, j]),
            error=float(found.errors[i, j]),
        )

    duels = tuple(tuple(duel(i, j) for j in order) for i in order)
    return HeadToHead(tuple(names[i] for i in order), duels)


def _decision(sums: _Sums, names: list[str]) -> Decision:
    """The winner that was declared once; see `crediting` for when it is taken back."""
    close = inference.practically_best(sums.evidence, sums.units, MARGIN, DELTA, sums.racing)
    best = sums.state.winner_id if sums.state else None
    winner = (
        next((one.name for one in sums.contenders if one.pk == best and one.archived_at is None), None)
        if best
        else None
    )
    votes = sums.state.decided_votes if sums.state and winner else None
    return Decision(
        state="collecting" if winner is None else "decided",
        winner=winner,
        delta=DELTA,
        votes=votes,
        practically_best=tuple(name for name, near in zip(names, close, strict=True) if near),
    )


def set_aside_of(study: Study) -> SetAside:
    """Votes that do not count, by reason; those that voters took back themselves are none of them."""
    aside = Vote.objects.filter(study=study, counted=False).exclude(void_reason="undone")
    reasons = dict(aside.values_list("void_reason").annotate(votes=Count("pk")))
    voters = aside.values("voter").distinct().count() if reasons else 0
    return SetAside(sum(reasons.values()), voters, reasons)


def _sums_of(study: Study) -> _Sums:
    contenders = contenders_of(study)
    count = len(contenders)
    state = update_sums(study, MOST_ON_READ)
    if state is None:
        apart = 1.0 - np.eye(count)
        return _Sums(contenders, Evidence.none(count), apart, np.zeros((2, count)), None, Sampling("uniform", None))
    book = open_book(study, state)
    last = BoardBatch.objects.filter(study=study).order_by("-version").defer("numbers").first()
    sampling = (
        Sampling(last.method, last.version or None, last.votes) if last is not None else Sampling("uniform", None)
    )
    return _Sums(contenders, book.evidence, units_of(book), book.raw, state, sampling)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _place(line: Standing) -> tuple[bool, float, str]:
    return line.approval is None, -(line.approval or 0.0), line.contender
