"""The automatic scores: what labels say about every contender, beside the random control.

Computing them loads the engine, so pages and the API read what was stored (`queries.stored_evaluation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalapp.core.domain.errors import Conflict
from evalapp.stats.intervals.share_intervals import wilson_interval
from evalapp.studies.models import Contender, Nomination, Study
from evalapp.studies.queries.gallery_arrays import GalleryArrays
from evalapp.studies.services import store_evaluation
from models_registry.evaluate import category_match, expected_random_match, hubness, product_recall
from models_registry.neighbours import Neighbours


def evaluate_study(study: Study) -> dict[str, Any]:
    """Compute the scores and keep them for pages and the API; see `evaluation_document`."""
    document = evaluation_document(study)
    store_evaluation(study, document)
    return document


def evaluation_document(study: Study) -> dict[str, Any]:
    """Category match, attribute match and product recall of every contender, with Wilson intervals (95 %), best first.

    Category match is the share of queries whose first choice has the query's category, among the pairs in which both
    have one; attribute match the same for every attribute. Scores without labels are None. `rank` is by category match,
    equal ones share it. Raises Conflict while nothing was computed.
    """
    scorer = _Scorer(study)
    contenders = list(study.contenders.select_related("embedding__model"))
    control = next((contender for contender in contenders if contender.is_control), None)
    return {
        "study": study.slug,
        "queries": len(scorer.queries),
        "gallery": len(scorer.gallery.ids),
        "control": {
            **(scorer.match_shares(control) if control else {"category_match": None, "low": None, "high": None}),
            "expected": scorer.expected_match(),
            "attributes": scorer.attribute_shares(control, with_expected=True),
        },
        "contenders": _rank_lines(
            [_contender_line(contender, scorer) for contender in contenders if not contender.is_control]
        ),
    }


def _rank_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The best category match first, those without one last; equal ones keep their order and share the rank."""
    # A share lies in 0 … 1: less 2, even the worst one sorts before those without.
    ordered = sorted(lines, key=lambda line: -1.0 if line["category_match"] is None else -line["category_match"] - 2.0)
    scores = [line["category_match"] for line in ordered]
    return [
        {**line, "rank": None if score is None else 1 + scores.index(score)}
        for line, score in zip(ordered, scores, strict=True)
    ]


def _contender_line(contender: Contender, scorer: _Scorer) -> dict[str, Any]:
    embedding = contender.embedding
    return {
        "contender": contender.name,
        "model": embedding.model.name if embedding else None,
        "tap": embedding.tap if embedding else None,
        "metric": contender.metric,
        **scorer.match_shares(contender),
        **scorer.recall_shares(contender),
        "attributes": scorer.attribute_shares(contender),
        "answered": int((scorer.first[contender.pk].top >= 0).sum()),
        "hubness": hubness(scorer.first[contender.pk]),
    }


class _Scorer:
    def __init__(self, study: Study) -> None:
        self.gallery = GalleryArrays(study)
        positions = study.queries.order_by("position").values_list("pk", "item_id")
        self._row_of_query = {pk: row for row, (pk, _) in enumerate(positions)}
        self.queries = self.gallery.rows_of([item for _, item in positions])
        self.first = self._first_choices(study)
        self._attributes = self.gallery.comparable_attributes()

    def _first_choices(self, study: Study) -> dict[int, Neighbours]:
        """Per contender the gallery row of its first choice for each query, all in one statement."""
        rows = Nomination.objects.filter(contender__study=study, rank=1)
        columns = rows.values_list("contender_id", "pair__query_id", "pair__candidate_id")
        top = {
            pk: np.full((len(self.queries), 1), -1, dtype=np.int64)
            for pk in study.contenders.values_list("pk", flat=True)
        }
        choices = list(columns.iterator(chunk_size=20_000))
        if not choices:
            raise Conflict(f"{study} has no pairs yet; run: python manage.py precompute {study} --wait")
        candidates = self.gallery.rows_of([candidate for _, _, candidate in choices])
        for (contender, query, _), candidate in zip(choices, candidates, strict=True):
            top[contender][self._row_of_query[query], 0] = candidate
        return {pk: Neighbours(rows, np.where(rows < 0, np.nan, 0.0)) for pk, rows in top.items()}

    def match_shares(self, contender: Contender) -> dict[str, float | None]:
        hits = category_match(self.first[contender.pk], self._labels_of_queries(), self.gallery.categories)
        return _share_with_interval("category_match", "low", "high", hits)

    def recall_shares(self, contender: Contender) -> dict[str, float | None]:
        hits = product_recall(
            self.first[contender.pk],
            self.gallery.products_of(self.queries),
            self.gallery.products,
            query_ids=self.gallery.ids_of(self.queries),
            gallery_ids=self.gallery.ids,
            hidden=self.gallery.hidden_groups(self.queries),
        )
        return _share_with_interval("product_recall_at_1", "product_recall_low", "product_recall_high", hits)

    def attribute_shares(
        self, contender: Contender | None, *, with_expected: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Per attribute how often the first choice has the query's value, and for the control what chance gives."""
        rows, names = self._attributes
        lines = {}
        for name in names:
            labels = [row.get(name) or None for row in rows]
            query_labels, gallery = [labels[row] for row in self.queries], labels[: len(self.gallery.ids)]
            line: dict[str, Any] = dict.fromkeys(("match", "low", "high"))
            if contender is not None:
                line = _share_with_interval(
                    "match", "low", "high", category_match(self.first[contender.pk], query_labels, gallery)
                )
            if with_expected:
                line["expected"] = self._by_chance(query_labels, gallery)
            lines[name] = line
        return lines

    def expected_match(self) -> float | None:
        """What random answers are expected to reach on these queries and this gallery."""
        return self._by_chance(self._labels_of_queries(), self.gallery.categories)

    def _by_chance(self, query_labels: Sequence[str | None], gallery: Sequence[str | None]) -> float | None:
        value: float | None = expected_random_match(
            query_labels,
            gallery,
            query_ids=self.gallery.ids_of(self.queries),
            gallery_ids=self.gallery.ids,
            hidden=self.gallery.hidden_groups(self.queries),
        ).value
        return value

    def _labels_of_queries(self) -> list[str | None]:
        return self.gallery.categories_of(self.queries)


def _share_with_interval(name: str, low: str, high: str, hits: NDArray[np.float64]) -> dict[str, float | None]:
    labelled = hits[~np.isnan(hits)]
    if not len(labelled):
        return {name: None, low: None, high: None}
    interval = wilson_interval(int(labelled.sum()), len(labelled))
    return {name: float(labelled.mean()), low: interval.low, high: interval.high}
