"""What a run says of the encoder it made: on votes it never saw, and on labels as a guard.

Votes exist only for what some contender put first, so that none of this replaces fresh votes on the new encoder's own
first choices. It says whether the run learnt anything, and whether something broke.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.evaluate import Question, bootstrap, measure_collapse, paired_difference, recall_at
from models_registry.metrics import exact_distances
from models_registry.training.votes.vote_metrics import noise_ceiling, vote_auc, within_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.evaluate import Interval
    from models_registry.metrics import Metric
    from models_registry.training.votes.vote_data import Pairs, VoteData
    from models_registry.training.votes.vote_splits import VoteSplit

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]

MOST_QUERIES = 1000
_VOTE_MEASURES = ("vote_auc", "within_query")
GUARD_FALL = 0.1
"""By so much the guard may fall, at the lower end of the paired interval, before an unattended loop stops."""


@dataclass(frozen=True, slots=True, eq=False)
class Answering:
    """Vectors [n, d] under a metric, with a name."""

    name: str
    vectors: Floats32
    metric: Metric


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Pairs with the scores [P] by which a map ranks them that had learnt from votes on neither of their items."""

    scores: Floats
    pairs: Pairs


def pair_scores(answering: Answering, pairs: Pairs) -> Floats:
    """Minus the distance of each pair [P]: higher is nearer."""
    scores = np.empty(len(pairs))
    order = np.argsort(pairs.query, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(pairs.query[order])) + 1) if len(order) else ():
        query = answering.vectors[pairs.query[rows[0]]]
        scores[rows] = -exact_distances(answering.metric, query, answering.vectors[pairs.candidate[rows]])
    return scores


def vote_report(
    data: VoteData,
    split: VoteSplit,
    child: Answering,
    parents: Sequence[Answering],
    *,
    fresh: Scored | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything about child and parents, JSON-able; the first parent is the one it is compared with.

    `both` tells two things apart: how well it does on items nobody was asked about whose category the catalogue knows
    (`fresh`, from folds; None where a recipe has none), and on the test part, whose votes and categories it never saw
    (`unseen`), as if they came from outside.
    """
    held_votes = data.ballots.where(split.test)
    pairs = held_votes.summed_pairs()
    question = _guard_question(data, split, seed)
    lines = [_report_line(one, pairs, question) for one in (child, *parents)]
    report: dict[str, Any] = {
        "splits": split.counts,
        "voters": {
            "learnt from": len(np.unique(data.ballots.voter[split.learn])),
            "test": len(np.unique(held_votes.voter)),
        },
        "noise_ceiling": noise_ceiling(data.ballots),
        "lines": lines,
        "both": {
            "fresh": None if fresh is None else _vote_measures(fresh.scores, fresh.pairs),
            "unseen": {name: lines[0][name] for name in _VOTE_MEASURES},
        },
    }
    if parents:
        report.update(_compare_with_parent(child, parents[0], question))
    stats = measure_collapse(child.vectors)
    report["collapse"] = {**asdict(stats), "warnings": list(stats.warnings)}
    report["guard_holds"] = not stats.collapsed and bool(report.get("guard", {}).get("holds", True))
    return report


def _guard_question(data: VoteData, split: VoteSplit, seed: int) -> Question:
    """Held-out items ask the whole catalogue, without their own product's other pictures: a garment's next photo is
    found by vectors that know nothing else, and is always of the same category."""
    queries = data.asking_rows()
    queries = queries[split.held_out[queries]]
    if len(queries) > MOST_QUERIES:
        queries = np.sort(np.random.default_rng(seed).choice(queries, MOST_QUERIES, replace=False))
    number_of_sha256: dict[str, int] = {}
    pictures = np.array(
        [number_of_sha256.setdefault(sha256, len(number_of_sha256)) for sha256 in data.sha256s], dtype=np.int64
    )
    return Question(queries, data.gallery_rows(), data.categories, data.products, pictures=pictures, hide_products=True)


def _report_line(answering: Answering, pairs: Pairs, question: Question) -> dict[str, Any]:
    scores = pair_scores(answering, pairs)
    line: dict[str, Any] = {
        "name": answering.name,
        "metric": answering.metric,
        **_vote_measures(scores, pairs),
        "category_match": None,
        "product_recall_at_1": None,
    }
    if len(question.queries):
        answers = question.nearest_answers(answering.vectors, answering.metric, 1)
        line["category_match"] = _interval_json(
            bootstrap(question.category_match(answers), clusters=question.product_clusters())
        )
        products = replace(question, hide_products=False)
        nearest = products.nearest_answers(answering.vectors, answering.metric, 1)
        recall = recall_at(products.judge_answers(nearest, "product"), 1)
        line["product_recall_at_1"] = _interval_json(bootstrap(recall, clusters=question.product_clusters()))
    return line


def _vote_measures(scores: Floats, pairs: Pairs) -> dict[str, Any]:
    return {"vote_auc": vote_auc(scores, pairs).as_json(), "within_query": within_query(scores, pairs).as_json()}


def _compare_with_parent(child: Answering, parent: Answering, question: Question) -> dict[str, Any]:
    """How many first choices changed, and the guard: category match must not fall clearly."""
    if not len(question.queries):
        return {"top1_changed": None, "compared_with": parent.name}
    ours = question.nearest_answers(child.vectors, child.metric, 1)
    theirs = question.nearest_answers(parent.vectors, parent.metric, 1)
    change = bootstrap((ours.top != theirs.top).astype(np.float64))
    fall = paired_difference(
        question.category_match(ours), question.category_match(theirs), clusters=question.product_clusters()
    )
    holds = fall.high is None or fall.high >= -GUARD_FALL
    return {
        "compared_with": parent.name,
        "top1_changed": _interval_json(change),
        "guard": {"category_match": _interval_json(fall), "may_fall": GUARD_FALL, "holds": bool(holds)},
    }


def _interval_json(interval: Interval) -> dict[str, Any]:
    return {"value": interval.value, "low": interval.low, "high": interval.high, "queries": interval.n}
