"""The board and the head-to-head matrix, out of the study's sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Count

from evalapp.leaderboard.queries import Field, counted_votes, field_of
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
from evalapp.stats.baselines import QUERY_PRIOR, VOTER_PRIOR, baselines, shrunk_means
from evalapp.stats.batches import Batch, batch_of, units
from evalapp.stats.evidence import Evidence, FloatArray, VoterSums, add, credits_of
from evalapp.stats.histories import Histories, known_before
from evalapp.stats.voters import honesty
from evalapp.studies.models import Study
from evalapp.voting.models import Vote

_ANSWERS = {"dope": 1.0, "nope": 0.0, "tie": 0.5}
_LN10 = float(np.log(10.0))


@dataclass(frozen=True, slots=True)
class _Sums:
    field: Field
    evidence: Evidence
    units: FloatArray
    simulated: int


def board_of(study: Study) -> Board:
    """The standings as of now, best first. Right however often it is looked at."""
    sums = _sums_of(study)
    evidence = sums.evidence
    found = inference.approvals(evidence, ALPHA)
    against = inference.differences(evidence, sums.units, ALPHA)
    verdict = inference.verdict(evidence, sums.units, DELTA)
    best, worst = inference.rank_bounds(against.log_evidence, DELTA)
    close = inference.practically_best(evidence, sums.units, MARGIN, DELTA)
    lines = [
        Standing(
            contender=contender.name,
            rank_best=int(best[place]),
            rank_worst=int(worst[place]),
            approval=_number(found.estimates[place]),
            low=float(found.low[place]),
            high=float(found.high[place]),
            votes=round(evidence.credited[place]),
            control=contender.is_control,
            design_effect=_number(found.design_effects[place]),
            raw_approval=_number(found.estimates[place]),
            evidence_against=float(min(verdict.log_stops[place], verdict.log_guards[place]) / _LN10),
        )
        for place, contender in enumerate(sums.field.contenders)
    ]
    names = [line.contender for line in lines]
    winner = names[verdict.winner] if verdict.winner >= 0 else None
    decision = Decision(
        state="collecting" if winner is None else "decided",
        winner=winner,
        delta=DELTA,
        votes=None,
        practically_best=tuple(name for name, near in zip(names, close, strict=True) if near),
    )
    effects = found.design_effects[np.isfinite(found.design_effects)]
    return Board(
        study=study.slug,
        votes=round(evidence.votes),
        simulated=sums.simulated,
        voters=round(evidence.voters),
        credited_votes=round(evidence.credited.sum()),
        decision=decision,
        standings=tuple(sorted(lines, key=_place)),
        sampling=Sampling("uniform", None),
        set_aside=set_aside_of(study),
        design_effect=float(np.median(effects)) if effects.size else None,
    )


def head_to_head(study: Study) -> HeadToHead:
    """Every contender against every other; best first, as on the board."""
    sums = _sums_of(study)
    approvals = inference.approvals(sums.evidence, ALPHA)
    found = inference.differences(sums.evidence, sums.units, ALPHA)
    names = [contender.name for contender in sums.field.contenders]
    order = sorted(
        range(len(names)),
        key=lambda i: (bool(np.isnan(approvals.estimates[i])), -float(np.nan_to_num(approvals.estimates[i])), names[i]),
    )
    same = sums.field.members.T.astype(np.int64) @ sums.field.members.astype(np.int64)

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
            queries=sums.field.queries,
            design_effect=_number(found.design_effects[i, j]),
        )

    duels = tuple(tuple(duel(i, j) for j in order) for i in order)
    return HeadToHead(tuple(names[i] for i in order), duels)


def set_aside_of(study: Study) -> SetAside:
    """Votes that do not count, by reason; those that voters took back themselves are none of them."""
    aside = Vote.objects.filter(study=study, counted=False).exclude(void_reason="undone")
    reasons = dict(aside.values_list("void_reason").annotate(votes=Count("pk")))
    voters = aside.values("voter").distinct().count() if reasons else 0
    return SetAside(sum(reasons.values()), voters, reasons)


def _sums_of(study: Study) -> _Sums:
    field = field_of(study)
    count = len(field.contenders)
    evidence = Evidence.none(count)
    if not len(field.pairs):
        return _Sums(field, evidence, np.zeros((count, count)), 0)
    batch = batch_of(field.members, field.uniform, field.queries)
    votes = counted_votes(study)
    if votes:
        _credit(evidence, field, batch, votes)
    return _Sums(field, evidence, units(batch), sum(vote[6] for vote in votes))


def _credit(
    evidence: Evidence, field: Field, batch: Batch, votes: Sequence[tuple[int, str, int, str, int, float, bool]]
) -> None:
    _, voters = np.unique([str(vote[1]) for vote in votes], return_inverse=True)
    row = {int(pair): place for place, pair in enumerate(field.pairs)}
    # A pair that nobody puts first any more is credited to nobody.
    rows_of = np.array([row.get(vote[2], len(row)) for vote in votes])
    members = np.vstack([field.members, np.zeros((1, evidence.contenders), dtype=bool)])[rows_of]
    answers = np.array([_ANSWERS[vote[3]] for vote in votes])
    weights = 1.0 / (field.queries * np.array([vote[5] for vote in votes]))
    known = known_before(Histories.none(voters.max() + 1), voters, answers, np.full(len(votes), -1, dtype=np.int8))
    means = shrunk_means(known.liked, known.votes, 0.5, VOTER_PRIOR)
    expected = baselines(0.5, means, shrunk_means(0.0, 0.0, 0.5, QUERY_PRIOR))
    trust = honesty(known.gold_right.astype(np.int64), known.gold_wrong.astype(np.int64))
    rows = VoterSums.none(voters.max() + 1, evidence.contenders)
    add(evidence, rows, batch, credits_of(voters, members, weights, trust, answers, expected))
    evidence.voters = float(voters.max() + 1)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _place(line: Standing) -> tuple[bool, float, str]:
    return line.approval is None, -(line.approval or 0.0), line.contender
