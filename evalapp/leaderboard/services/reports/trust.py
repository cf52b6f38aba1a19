"""How far the board may be trusted: agreement of people, and how little would turn it. Documents, for the report."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from evalapp.leaderboard.domain.results import Board
from evalapp.leaderboard.models import BoardBatch, BoardState, BoardVoter
from evalapp.leaderboard.queries import contenders_of, field_of
from evalapp.leaderboard.services.sums.codec import unpack_batch, unpack_voter
from evalapp.stats.agreement import alpha_with_interval, noise_ceiling
from evalapp.stats.fragility import fewest_removed, leave_one_out
from evalapp.stats.intervals.share_intervals import wilson_interval
from evalapp.stats.sums.contender_sums import FloatArray, VoterSums
from evalapp.stats.sums.epochs import own_weights
from evalapp.stats.sums.voter_histories import Histories
from evalapp.studies.models import Pair, Study
from evalapp.voting.domain.verdicts import LIKED, WORTH

MOST_VOTES = 200_000
"""The newest of them tell how people agree; with more, single votes do not turn a board any more."""
_COUNTED = """
SELECT vote.pair_id, vote.voter_id, vote.verdict FROM voting_vote vote
JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
WHERE vote.study_id = %s AND vote.counted AND vote.verdict IN ('dope', 'nope') AND exposure.kind IN ('study', 'control')
ORDER BY vote.id DESC LIMIT %s
"""
_GOLD = """
SELECT exposure.expected, count(*) FILTER (WHERE vote.verdict = exposure.expected), count(*) FROM voting_vote vote
JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
WHERE vote.study_id = %s AND vote.counted AND vote.verdict IN ('dope', 'nope') AND exposure.kind = 'gold'
GROUP BY exposure.expected
"""
_SELF = """
SELECT count(*) FILTER (WHERE vote.verdict = earlier.verdict), count(*) FROM voting_vote vote
JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
JOIN voting_vote earlier ON earlier.exposure_id = exposure.repeats_id AND earlier.counted
WHERE vote.study_id = %s AND vote.counted AND exposure.kind = 'repeat'
  AND vote.verdict IN ('dope', 'nope') AND earlier.verdict IN ('dope', 'nope')
"""
_CELLS = """
SELECT vote.pair_id, coalesce(exposure.design_version, 0), exposure.propensity,
       CASE vote.verdict WHEN 'dope' THEN 1.0 WHEN 'nope' THEN 0.0 ELSE 0.5 END, count(*)
FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
WHERE vote.study_id = %s AND vote.counted AND vote.verdict IN ('dope', 'nope', 'tie')
  AND exposure.kind IN ('study', 'control')
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def agreement_report(study: Study) -> dict[str, Any]:
    """With each other (`alpha` by Krippendorff, `same` verdict of two people), with known answers (`gold`), with
    themselves (`self`), and the `ceiling`: how often the majority of the others is right. None where nothing is known.

    `gold.duplicates_liked` is the share of dope on pairs that show the same thing twice: the top of the axis.
    """
    votes = _fetch_rows(_COUNTED, study.pk, MOST_VOTES)
    _, pairs = np.unique([vote[0] for vote in votes], return_inverse=True)
    _, voters = np.unique([str(vote[1]) for vote in votes], return_inverse=True)
    answers = np.array([WORTH[vote[2]] for vote in votes])
    counts = Pair.objects.filter(study=study, slot__isnull=False).order_by("pk").values_list("dope", "nope")
    dope, nope = np.array(list(counts), dtype=np.float64).reshape(-1, 2).T
    alpha = alpha_with_interval(pairs, voters, answers) if votes else None
    return {
        "alpha": {name: _finite_or_none(getattr(alpha, name)) if alpha else None for name in ("value", "low", "high")},
        "same": _same_verdict(dope, nope),
        "gold": _gold_shares(study),
        "self": _share_with_interval(*_fetch_rows(_SELF, study.pk)[0]),
        "ceiling": _finite_or_none(noise_ceiling(dope, nope)),
        "votes": len(votes),
    }


def robustness_report(study: Study, board: Board) -> dict[str, Any]:
    """Of those in the race: `neighbours` on the board with the fewest votes and voters whose removal swaps them, and
    `without_one`: lowest and highest approval of each contender when any one voter is left out."""
    state = BoardState.objects.filter(study=study).first()
    if state is None:
        return {"neighbours": [], "without_one": []}
    column_of = {contender.name: column for column, contender in enumerate(contenders_of(study))}
    # What is archived has no rank that could be lost.
    ranked = [line for line in board.standings if line.approval is not None and line.rank_best is not None]
    voters = _voter_sums(state)
    votes = _vote_sums(study, state) if board.votes <= MOST_VOTES else None
    low, high = leave_one_out(voters.liked, voters.mass)
    neighbours = [
        {
            "first": first.contender,
            "second": second.contender,
            "votes": None
            if votes is None
            else _fewest_to_swap(*votes, column_of[first.contender], column_of[second.contender]),
            "voters": _fewest_to_swap(
                voters.liked, voters.mass, column_of[first.contender], column_of[second.contender]
            ),
        }
        for first, second in pairwise(ranked)
    ]
    without_one = [
        {
            "contender": line.contender,
            "approval": line.approval,
            "low": _finite_or_none(low[column_of[line.contender]]),
            "high": _finite_or_none(high[column_of[line.contender]]),
        }
        for line in ranked
    ]
    return {"neighbours": neighbours, "without_one": without_one}


def _fewest_to_swap(liked: FloatArray, mass: FloatArray, first: int, second: int) -> int | None:
    is_told = mass[:, first] + mass[:, second] > 0
    return fewest_removed(liked[is_told][:, [first, second]], mass[is_told][:, [first, second]])


def _voter_sums(state: BoardState) -> VoterSums:
    # In one order always: sums differ by it in their last place.
    rows = list(BoardVoter.objects.filter(study=state.study_id).order_by("pk").values_list("numbers", flat=True))
    sums, histories = (
        VoterSums.zeros_for(len(rows), len(state.contenders), state.eras),
        Histories.without_votes(len(rows)),
    )
    for row, numbers in enumerate(rows):
        unpack_voter(numbers, sums, histories, row)
    return sums


def _vote_sums(study: Study, state: BoardState) -> tuple[FloatArray, FloatArray]:
    """Likes and mass of every vote [n, M], at full trust; equal votes are counted by the database."""
    field, count = field_of(study), len(state.contenders)
    batches = {row.version: own_weights(unpack_batch(row, count)) for row in BoardBatch.objects.filter(study=study)}
    cells = _fetch_rows(_CELLS, study.pk)
    row_of = {int(pair): here for here, pair in enumerate(field.pairs)}
    nobody = np.zeros(count, dtype=bool)
    members = [field.members[row_of[cell[0]]] if cell[0] in row_of else nobody for cell in cells]
    mass = np.array(
        [batches[cell[1]] * firsts / (field.queries * cell[2]) for cell, firsts in zip(cells, members, strict=True)]
    ).reshape(-1, count)
    liked = mass * np.array([cell[3] for cell in cells], dtype=np.float64)[:, None]
    times: NDArray[np.int64] = np.array([cell[4] for cell in cells], dtype=np.int64)
    return np.repeat(liked, times, axis=0), np.repeat(mass, times, axis=0)


def _same_verdict(dope: FloatArray, nope: FloatArray) -> dict[str, Any]:
    verdicts = dope + nope
    pairs = float((verdicts * (verdicts - 1)).sum() / 2)
    alike = float((dope * (dope - 1) + nope * (nope - 1)).sum() / 2)
    return {"value": alike / pairs if pairs else None, "trials": round(pairs)}


def _gold_shares(study: Study) -> dict[str, Any]:
    by_expected = {expected: (right, trials) for expected, right, trials in _fetch_rows(_GOLD, study.pk)}
    right, trials = (sum(one[k] for one in by_expected.values()) for k in (0, 1))
    duplicates = by_expected.get(LIKED)
    return {
        **_share_with_interval(right, trials),
        "duplicates_liked": duplicates[0] / duplicates[1] if duplicates else None,
    }


def _share_with_interval(right: int, trials: int) -> dict[str, Any]:
    interval = wilson_interval(right, trials)
    return {"value": interval.estimate, "low": interval.low, "high": interval.high, "trials": trials}


def _fetch_rows(statement: str, *values: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _finite_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
