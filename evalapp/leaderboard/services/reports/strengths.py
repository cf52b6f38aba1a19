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
    rows = _comparisons(study) if study.mode == StudyMode.TWO else []
    if not rows:
        return {}
    field = field_of(study)
    place = {int(pair): here for here, pair in enumerate(field.pairs)}
    known = [row for row in rows if row[1] in place and row[2] in place]
    if not known:
        return {}
    left, right = (field.members[[place[row[side]] for row in known]] for side in (1, 2))
    outcomes = np.array([_OUTCOMES[row[3]] for row in known], dtype=np.intp)
    _, voters = np.unique([row[0] for row in known], return_inverse=True)
    found = team_strengths(left, right, outcomes, voters, ALPHA)
    lines = _lines([one.name for one in field.contenders], found, _tally(left, right, outcomes))
    controls = {one.name for one in field.contenders if one.is_control}
    return {
        "lines": [{**line, "control": line["contender"] in controls} for line in sorted(lines, key=_place)],
        "side": _chance(found.left, 0),
        "ties": int((outcomes == TIE).sum()),
        "comparisons": len(known),
        "voters": int(voters.max()) + 1,
        "left_out": int(rows[0][4]) - len(rows),
    }


def _comparisons(study: Study) -> list[tuple[Any, ...]]:
    """Voter, pairs left and right, verdict on the left one, and how many comparisons there are in all."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARISONS, {"study": study.pk, "most": MOST_COMPARISONS})
        return list(cursor.fetchall())


def _tally(left: Members, right: Members, outcomes: Codes) -> NDArray[np.int64]:
    """Won, lost and tied [3, M]."""
    by_left = [left[outcomes == said].sum(axis=0) for said in (LEFT, RIGHT, TIE)]
    by_right = [right[outcomes == said].sum(axis=0) for said in (RIGHT, LEFT, TIE)]
    return np.asarray(np.array(by_left) + np.array(by_right), dtype=np.int64)


def _lines(names: list[str], found: TeamStrengths, tally: NDArray[np.int64]) -> list[dict[str, Any]]:
    theta = found.fitted.theta - found.fitted.theta.mean()
    lines = []
    for here, name in enumerate(names):
        chance, (won, lost, tied) = _chance(found.against_average, here), tally[:, here].tolist()
        lines.append(
            {
                "contender": name,
                "strength": chance["value"],
                "low": chance["low"],
                "high": chance["high"],
                "theta": float(theta[here]) if chance["value"] is not None else None,
                "comparisons": won + lost + tied,
                "won": won,
                "lost": lost,
                "tied": tied,
            }
        )
    return lines


def _chance(share: Share, here: int) -> dict[str, float | None]:
    value = float(share.estimates[here])
    return {
        "value": value if np.isfinite(value) else None,
        "low": float(share.low[here]),
        "high": float(share.high[here]),
    }


def _place(line: dict[str, Any]) -> tuple[bool, float, str]:
    return line["strength"] is None, -(line["strength"] or 0.0), line["contender"]
