"""One table for several embeddings on the same question, a random control in it, differences to a baseline beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.evaluate.collapse_measures import Collapse, measure_collapse
from models_registry.evaluate.evaluation_question import Judge, Question
from models_registry.evaluate.label_scores import hubness
from models_registry.evaluate.resampling import DRAWS, Interval, bootstrap, paired_difference
from models_registry.evaluate.retrieval import coverage, map_at_r, recall_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.neighbours import Neighbours

RANKS = (1, 5, 10)
MOST_CATEGORIES = 60
MOST_RELEVANT = 1000
"""mAP@R looks at so many ranks at most: of a category with more pictures, so many count as all."""
CONTROL = "random control"
SCORES = ("category_match", *(f"recall_at_{k}" for k in RANKS), "map_at_r")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An embedding to be judged: vectors [items, d], a row for every item of the question's table."""

    name: str
    vectors: NDArray[np.float32]
    metric: Metric


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """An entry's scores, each with its interval over queries; `per_query` holds what they were averaged from.

    `differences` are against the table's baseline, paired over queries; empty for the baseline itself. An entry
    whose vectors are not finite has no scores, only the reason in `collapse`.
    """

    name: str
    metric: str | None
    scores: dict[str, Interval]
    differences: dict[str, Interval]
    hubness: float | None
    coverage: float | None
    collapse: Collapse | None
    per_query: dict[str, NDArray[np.float64]] = field(repr=False, default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON column; the per-query values are left out."""
        return {
            "name": self.name,
            "metric": self.metric,
            "scores": {name: asdict(interval) for name, interval in self.scores.items()},
            "differences": {name: asdict(interval) for name, interval in self.differences.items()},
            "hubness": self.hubness,
            "coverage": self.coverage,
            "collapse": None if self.collapse is None else asdict(self.collapse),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Scores of every entry on one question. `judge` says by which label recall and mAP@R were judged.

    `categories` [Q] are those of the queries: a mean over all hides who is found badly.
    """

    queries: int
    gallery: int
    judge: Judge
    baseline: str | None
    lines: tuple[Line, ...]
    categories: tuple[str | None, ...] = ()

    def by_category(self) -> dict[str, dict[str, Any]]:
        """For each category, the commonest MOST_CATEGORIES of them: its queries, and by line and score the mean."""
        names = Counter(name for name in self.categories if name)
        means_by_category: dict[str, dict[str, Any]] = {}
        for name, count in sorted(names.most_common(MOST_CATEGORIES)):
            is_of_category = np.array([own == name for own in self.categories], dtype=bool)
            means = {line.name: _mean_scores(line.per_query, is_of_category) for line in self.lines if line.per_query}
            means_by_category[name] = {"queries": count, "lines": means}
        return means_by_category

    def line_named(self, name: str) -> Line:
        """The line of this name; raises KeyError."""
        for line in self.lines:
            if line.name == name:
                return line
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return {
            "queries": self.queries,
            "gallery": self.gallery,
            "judge": self.judge,
            "baseline": self.baseline,
            "lines": [line.to_json() for line in self.lines],
            "categories": self.by_category(),
        }


def _mean_scores(
    per_query: Mapping[str, NDArray[np.float64]], is_counted: NDArray[np.bool_]
) -> dict[str, float | None]:
    """The mean of each score over the queries asked for; None where none of them is known."""
    parts = {name: values[is_counted] for name, values in per_query.items()}
    return {name: float(np.nanmean(part)) if not np.isnan(part).all() else None for name, part in parts.items()}


def compare_entries(
    question: Question,
    entries: Sequence[Entry],
    *,
    baseline: str | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Table:
    """Judge every entry on the question, the random control after them.

    `baseline` names the entry that differences are taken against (the raw features, the colours …). Raises KeyError
    for a baseline that is no entry.
    """
    judge = question.choose_judge()
    width = max(*RANKS, int(np.minimum(question.relevant_answers(judge), MOST_RELEVANT).max(initial=0)))
    scorer = _Scorer(question, judge, width, seed, draws)
    measured = [scorer.measure_entry(entry) for entry in entries]
    measured.append(scorer.measure_control())
    by_name = {found.name: found for found in measured}
    base = None if baseline is None else by_name[baseline]
    lines = tuple(scorer.make_line(found, None if found is base else base) for found in measured)
    categories = tuple(question.categories[row] for row in question.queries.tolist())
    return Table(len(question.queries), len(question.gallery), judge, baseline, lines, categories)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    name: str
    metric: str | None
    per_query: dict[str, NDArray[np.float64]]
    hubness: float | None
    coverage: float | None
    collapse: Collapse | None


@dataclass(frozen=True, slots=True, eq=False)
class _Scorer:
    question: Question
    judge: Judge
    width: int
    seed: int
    draws: int

    def measure_entry(self, entry: Entry) -> _Measured:
        health = measure_collapse(entry.vectors)
        if not health.finite:
            return _Measured(entry.name, entry.metric, {}, None, None, health)
        answers = self.question.nearest_answers(entry.vectors, entry.metric, self.width)
        return self._measure_answers(
            entry.name, entry.metric, answers, self.question.match_of_others(entry.vectors, entry.metric), health
        )

    def measure_control(self) -> _Measured:
        without_products = replace(self.question, hide_products=True)
        matched = without_products.category_match(without_products.random_answers(1, seed=self.seed))
        return self._measure_answers(
            CONTROL, None, self.question.random_answers(self.width, seed=self.seed), matched, None
        )

    def _measure_answers(
        self,
        name: str,
        metric: str | None,
        answers: Neighbours,
        matched: NDArray[np.float64],
        health: Collapse | None,
    ) -> _Measured:
        hits = self.question.judge_answers(answers, self.judge)
        per_query = {"category_match": matched}
        per_query |= {f"recall_at_{k}": recall_at(hits, k) for k in RANKS}
        per_query["map_at_r"] = map_at_r(hits, most=MOST_RELEVANT)
        return _Measured(
            name, metric, per_query, hubness(answers), coverage(answers, len(self.question.gallery)), health
        )

    def make_line(self, measured: _Measured, base: _Measured | None) -> Line:
        bootstrap_arguments: dict[str, Any] = {
            "clusters": self.question.product_clusters(),
            "seed": self.seed,
            "draws": self.draws,
        }
        scores = {
            name: bootstrap(measured.per_query[name], **bootstrap_arguments)
            if name in measured.per_query
            else Interval(None, None, None, 0)
            for name in SCORES
        }
        differences = {}
        if base is not None and base.per_query and measured.per_query:
            differences = {
                name: paired_difference(measured.per_query[name], base.per_query[name], **bootstrap_arguments)
                for name in SCORES
            }
        return Line(
            measured.name,
            measured.metric,
            scores,
            differences,
            measured.hubness,
            measured.coverage,
            measured.collapse,
            measured.per_query,
        )
