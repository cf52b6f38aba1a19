"""Approval by the category of the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction

from evalapp.leaderboard.domain.label_keys import NO_CATEGORY
from evalapp.stats.strata import StratumSums, share_and_error, stratum_approvals
from evalapp.studies.models import Study

MOST_VOTES = 1_000_000
"""The newest of them: what a category is liked by does not need more, and the report must end."""
MOST_CATEGORIES = 100
"""The largest; a study with more categories than this is better read as CSV of an export."""

# Sums are of exact numbers: servers add in whatever order suits them, and floating-point sums differ by it.
# Voters are clusters: their votes are summed first, then the squares. Weights are relative to the stratum, which an
# estimate that is a ratio does not notice.
_VOTES = """
WITH vote AS MATERIALIZED (
    SELECT vote.pair_id, vote.voter_id, (1 / exposure.propensity)::numeric AS weight,
           CASE vote.verdict WHEN 'dope' THEN 1.0 WHEN 'nope' THEN 0.0 ELSE 0.5 END AS liked
    FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
    WHERE vote.study_id = %(study)s AND exposure.study_id = %(study)s AND vote.counted
      AND vote.verdict IN ('dope', 'nope', 'tie') AND exposure.kind IN ('study', 'control')
    {newest}
), shown AS MATERIALIZED (
    SELECT pair.id AS pair_id, nomination.contender_id, item.category
    FROM studies_pair pair
    JOIN studies_nomination nomination ON nomination.pair_id = pair.id AND nomination.rank = 1
    JOIN studies_query query ON query.id = pair.query_id
    JOIN catalog_item item ON item.id = query.item_id
    WHERE pair.study_id = %(study)s AND pair.slot IS NOT NULL
), voter AS (
    SELECT contender_id, {category}voter_id, sum(weight * liked) AS liked, sum(weight) AS mass, count(*) AS votes
    FROM vote JOIN shown USING (pair_id) GROUP BY contender_id, {category}voter_id
)
SELECT contender_id, {category}sum(liked), sum(mass), sum(liked * liked), sum(liked * mass), sum(mass * mass),
       sum(votes), count(*)
FROM voter GROUP BY contender_id{and_category} ORDER BY contender_id{and_category}
"""
_SUMS = _VOTES.format(category="category, ", and_category=", category", newest="ORDER BY vote.id DESC LIMIT %(most)s")
_WHOLE = _VOTES.format(category="", and_category="", newest="")
_COLUMNS = 7


def categories_of(study: Study) -> dict[str, Any]:
    """`names` of the categories, the most frequent among the queries first, and a cell per category and contender."""
    counts = _queries_by_category(study)
    names = [name for name, _ in counts][:MOST_CATEGORIES]
    if not any(names):
        return {"names": [], "queries": {}, "cells": [], "left_out": 0}
    sums = _sums_by_contender(study, names)
    contenders = dict(study.contenders.order_by("pk").values_list("pk", "name"))
    cells = [
        cell
        for pk, name in contenders.items()
        for cell in _cells_of_contender(name, names, sums.get(pk, _zero_sums(len(names))))
    ]
    return {"names": names, "queries": dict(counts), "cells": cells, "left_out": len(counts) - len(names)}


def whole_of(study: Study) -> list[tuple[str, float, float]]:
    """Name, approval and standard error (voters as clusters) of every contender with votes, over all categories."""
    estimates = []
    names = dict(study.contenders.values_list("pk", "name"))
    for contender, *numbers in _fetch_rows(_WHOLE, study):
        estimate, error = share_and_error(StratumSums(*(np.array([float(number)]) for number in numbers)))
        estimates.append((names[contender], float(estimate[0]), float(error[0])))
    return estimates


def _queries_by_category(study: Study) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT item.category, count(*) FROM studies_query query JOIN catalog_item item ON item.id = query.item_id"
            " WHERE query.study_id = %s GROUP BY item.category ORDER BY count(*) DESC, item.category",
            [study.pk],
        )
        return [(str(name), int(count)) for name, count in cursor.fetchall()]


def _sums_by_contender(study: Study, names: Sequence[str]) -> dict[int, np.ndarray[Any, np.dtype[np.float64]]]:
    """Per contender the sums [columns, categories]."""
    column_of = {name: index for index, name in enumerate(names)}
    sums_of: dict[int, np.ndarray[Any, np.dtype[np.float64]]] = {}
    for contender, category, *numbers in _fetch_rows(_SUMS, study):
        if category in column_of:
            sums_of.setdefault(contender, _zero_sums(len(names)))[:, column_of[category]] = [float(n) for n in numbers]
    return sums_of


def _fetch_rows(statement: str, study: Study) -> list[tuple[Any, ...]]:
    """All rows. The planner is kept from nested loops: where its statistics are old it takes a study for a handful of
    votes, and a loop over a loop over what are millions would never end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(statement, {"study": study.pk, "most": MOST_VOTES})
        rows = list(cursor.fetchall())
        cursor.execute("SET LOCAL enable_nestloop = on")
    return rows


def _zero_sums(categories: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.zeros((_COLUMNS, categories))


def _cells_of_contender(
    contender: str, names: Sequence[str], sums: np.ndarray[Any, np.dtype[np.float64]]
) -> list[dict[str, Any]]:
    approvals = stratum_approvals(StratumSums(*sums))
    return [
        {
            "category": name or NO_CATEGORY,
            "contender": contender,
            "approval": _finite_or_none(approvals.estimates[index]),
            "low": float(approvals.low[index]),
            "high": float(approvals.high[index]),
            "pooled": _finite_or_none(approvals.pooled[index]),
            "votes": int(sums[5, index]),
            "voters": int(sums[6, index]),
        }
        for index, name in enumerate(names)
    ]


def _finite_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
