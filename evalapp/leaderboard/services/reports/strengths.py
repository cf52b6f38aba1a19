"""Strengths of contenders where people chose the closer of two."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from evalapp.leaderboard.domain.results import ALPHA
from evalapp.leaderboard.queries import field_of
from evalapp.stats.comparisons.bradley_terry import LEFT, RIGHT, TIE, Codes
from evalapp.stats.comparisons.shared_bradley_terry import Members, Share, TeamStrengths, team_strengths
from evalapp.studies.models import Study, StudyMode

MOST_COMPARISONS = 200_000
"""The newest of them make the strengths."""
_OUTCOMES = {"dope": LEFT, "nope": RIGHT, "tie": TIE}

# Only what was answered whole: one left and one right, of which one won, or both were called equal.
_COMPARISONS = """
SELECT min(vote.voter_id::text), min(vote.pair_id) FILTER (WHERE exposure.side = 'left'),
       min(vote.pair_id) FILTER (WHERE exposure.side = 'right'),
       min(vote.verdict) FILTER (WHERE exposure.side = 'left'), count(*) OVER ()
FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
WHERE vote.study_id = %(study)s AND exposure.study_id = %(study)s AND vote.counted AND exposure."group" IS NOT NULL
  AND vote.verdict IN ('dope', 'nope', 'tie') AND exposure.kind IN ('study', 'control')
GROUP BY exposure."group"
HAVING count(*) = 2 AND count(DISTINCT exposure.side) = 2
   AND (count(*) FILTER (WHERE vote.verdict = 'tie') = 2
        OR (bool_or(vote.verdict = 'dope') AND bool_or(vote.verdict = 'nope')))
ORDER BY max(vote.id) DESC LIMIT %(most)s
"""


def strengths_of(study: Study) -> dict[str, Any]:
    """Empty unless people choose between two and have done so.

    `lines`, the strongest first: `strength` is the chance to be found closer than an average contender, `low` … `high`
    its confidence sequence, `theta` the log-strength over the mean of all; None for one that was never compared.
    `comparisons` = `won` + `lost` + `tied` are those in which only the one candidate was its first choice. `side` is
    the chance that of two equals the left one is chosen, if either; `ties` how many were called equal. `left_out` are
    older comparisons than those that count.
    """
    rows = _fetch_comparisons(study) if study.mode == StudyMode.TWO else []
    if not rows:
        return {}
    field = field_of(study)
    row_of = {int(pair): index for index, pair in enumerate(field.pairs)}
    known_rows = [row for row in rows if row[1] in row_of and row[2] in row_of]
    if not known_rows:
        return {}
    left, right = (field.members[[row_of[row[side]] for row in known_rows]] for side in (1, 2))
    outcomes = np.array([_OUTCOMES[row[3]] for row in known_rows], dtype=np.intp)
    _, voters = np.unique([row[0] for row in known_rows], return_inverse=True)
    strengths = team_strengths(left, right, outcomes, voters, ALPHA)
    lines = _strength_lines([one.name for one in field.contenders], strengths, _tally_outcomes(left, right, outcomes))
    controls = {one.name for one in field.contenders if one.is_control}
    return {
        "lines": [{**line, "control": line["contender"] in controls} for line in sorted(lines, key=_strength_order)],
        "side": _chance_at(strengths.left, 0),
        "ties": int((outcomes == TIE).sum()),
        "comparisons": len(known_rows),
        "voters": int(voters.max()) + 1,
        "left_out": int(rows[0][4]) - len(rows),
    }


def _fetch_comparisons(study: Study) -> list[tuple[Any, ...]]:
    """Voter, pairs left and right, verdict on the left one, and how many comparisons there are in all."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARISONS, {"study": study.pk, "most": MOST_COMPARISONS})
        return list(cursor.fetchall())


def _tally_outcomes(left: Members, right: Members, outcomes: Codes) -> NDArray[np.int64]:
    """Won, lost and tied [3, M]."""
    by_left = [left[outcomes == outcome].sum(axis=0) for outcome in (LEFT, RIGHT, TIE)]
    by_right = [right[outcomes == outcome].sum(axis=0) for outcome in (RIGHT, LEFT, TIE)]
    return np.asarray(np.array(by_left) + np.array(by_right), dtype=np.int64)


def _strength_lines(names: list[str], strengths: TeamStrengths, tally: NDArray[np.int64]) -> list[dict[str, Any]]:
    theta = strengths.fitted.theta - strengths.fitted.theta.mean()
    lines = []
    for index, name in enumerate(names):
        chance, (won, lost, tied) = _chance_at(strengths.against_average, index), tally[:, index].tolist()
        lines.append(
            {
                "contender": name,
                "strength": chance["value"],
                "low": chance["low"],
                "high": chance["high"],
                "theta": float(theta[index]) if chance["value"] is not None else None,
                "comparisons": won + lost + tied,
                "won": won,
                "lost": lost,
                "tied": tied,
            }
        )
    return lines


def _chance_at(share: Share, index: int) -> dict[str, float | None]:
    value = float(share.estimates[index])
    return {
        "value": value if np.isfinite(value) else None,
        "low": float(share.low[index]),
        "high": float(share.high[index]),
    }


def _strength_order(line: dict[str, Any]) -> tuple[bool, float, str]:
    return line["strength"] is None, -(line["strength"] or 0.0), line["contender"]
