"""The table of recipes that train several things: each part, how many attributes answers share, who beats whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from models_registry.evaluate import Entry, bootstrap, compare_entries, paired_difference
from models_registry.training.labels import validation
from models_registry.training.labels.attributes import AttributeTable, shares_of_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.training.labels.run_context import Session

SHARE = "attributes_at_10"


def graded_table(
    session: Session,
    attributes: AttributeTable,
    vectors: Mapping[str, NDArray[np.float32]],
    metric: Metric,
    *,
    best: str,
    others: Sequence[str],
) -> dict[str, Any]:
    """`table` with a line per part, `headline` of the part `best`, and `against`: its differences to each other part.

    Every line also has the mean share of attributes that a query has in common with its first 10 answers.
    """
    rows = session.splits["test"]
    entries = [*session.baseline_entries, *(Entry(f"{name}:{metric}", part, metric) for name, part in vectors.items())]
    question = validation.question_of(session.data, rows)
    table = compare_entries(question, entries, baseline=f"{validation.RAW}:cosine")
    clusters = question.product_clusters()
    shares = {}
    for entry in entries:
        answers = question.nearest_answers(entry.vectors, entry.metric, 10)
        shares[entry.name] = shares_of_first(attributes, rows[question.queries], question.gallery, rows, answers)
    document = table.to_json()
    for line in document["lines"]:
        if line["name"] in shares:
            line["scores"][SHARE] = asdict(bootstrap(shares[line["name"]], clusters=clusters))
    winner = table.line_named(f"{best}:{metric}")
    against = {}
    for name in others:
        other_line = table.line_named(f"{name}:{metric}")
        differences = {
            score: asdict(paired_difference(winner.per_query[score], other_line.per_query[score], clusters=clusters))
            for score in winner.per_query
        }
        winner_shares, other_shares = shares[winner.name], shares[other_line.name]
        differences[SHARE] = asdict(paired_difference(winner_shares, other_shares, clusters=clusters))
        against[name] = differences
    return {"table": document, "headline": validation.headline_scores(document, winner.name), "against": against}
