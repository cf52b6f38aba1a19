"""The automatic scores: what labels say about every contender, beside the random control.

Computing them loads the engine, so pages and the API read what was stored (`queries.stored_evaluation`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalapp.core.errors import Conflict
from evalapp.stats.intervals import wilson
from evalapp.studies.arrays import GalleryArrays
from evalapp.studies.models import Contender, Nomination, Study
from evalapp.studies.services import store_evaluation
from models_registry.evaluate import category_match, expected_random_match, hubness, product_recall
from models_registry.neighbours import Neighbours


def evaluate(study: Study) -> dict[str, Any]:
    """Compute the scores and keep them for pages and the API; see `evaluation`."""
    document = evaluation(study)
    store_evaluation(study, document)
    return document


def evaluation(study: Study) -> dict[str, Any]:
    """Category match and product recall of every contender's first choices, with Wilson intervals (95 %).

    Category match is the share of queries whose first choice has the query's category, among the pairs in which both
    have one. Scores without labels are None. Raises Conflict while nothing was computed.
    """
    scorer = _Scorer(study)
    contenders = list(study.contenders.select_related("embedding__model"))
    control = next((contender for contender in contenders if contender.is_control), None)
    return {
        "study": study.slug,
        "queries": len(scorer.queries),
        "gallery": len(scorer.gallery.ids),
        "control": {
            **(scorer.match(control) if control else {"category_match": None, "low": None, "high": None}),
            "expected": scorer.expected(),
        },
        "contenders": [_line(contender, scorer) for contender in contenders if not contender.is_control],
    }


def _line(contender: Contender, scorer: _Scorer) -> dict[str, Any]:
    embedding = contender.embedding
    return {
        "contender": contender.name,
        "model": embedding.model.name if embedding else None,
        "tap": embedding.tap if embedding else None,
        "metric": contender.metric,
        **scorer.match(contender),
        **scorer.recall(contender),
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

    def _first_choices(self, study: Study) -> dict[int, Neighbours]:
        """Per contender the gallery row of its first choice for each query, all in one statement."""
        rows = Nomination.objects.filter(contender__study=study, rank=1)
        columns = rows.values_list("contender_id", "pair__query_id", "pair__candidate_id")
        top = {
            pk: np.full((len(self.queries), 1), -1, dtype=np.int64)
            for pk in study.contenders.values_list("pk", flat=True)
        }
        found = list(columns.iterator(chunk_size=20_000))
        if not found:
            raise Conflict(f"{study} has no pairs yet; run: python manage.py precompute {study} --wait")
        candidates = self.gallery.rows_of([candidate for _, _, candidate in found])
        for (contender, query, _), candidate in zip(found, candidates, strict=True):
            top[contender][self._row_of_query[query], 0] = candidate
        return {pk: Neighbours(rows, np.where(rows < 0, np.nan, 0.0)) for pk, rows in top.items()}

    def match(self, contender: Contender) -> dict[str, float | None]:
        hits = category_match(self.first[contender.pk], self._labels_of_queries(), self.gallery.categories)
        return _share("category_match", "low", "high", hits)

    def recall(self, contender: Contender) -> dict[str, float | None]:
        hits = product_recall(
            self.first[contender.pk],
            self.gallery.products_of(self.queries),
            self.gallery.products,
            query_ids=self.gallery.ids_of(self.queries),
            gallery_ids=self.gallery.ids,
            hidden=self.gallery.hidden(self.queries),
        )
        return _share("product_recall_at_1", "product_recall_low", "product_recall_high", hits)

    def expected(self) -> float | None:
        """What random answers are expected to reach on these queries and this gallery."""
        value: float | None = expected_random_match(
            self._labels_of_queries(),
            self.gallery.categories,
            query_ids=self.gallery.ids_of(self.queries),
            gallery_ids=self.gallery.ids,
            hidden=self.gallery.hidden(self.queries),
        ).value
        return value

    def _labels_of_queries(self) -> list[str | None]:
        return self.gallery.categories_of(self.queries)


def _share(name: str, low: str, high: str, hits: NDArray[np.float64]) -> dict[str, float | None]:
    known = hits[~np.isnan(hits)]
    if not len(known):
        return {name: None, low: None, high: None}
    interval = wilson(int(known.sum()), len(known))
    return {name: float(known.mean()), low: interval.low, high: interval.high}
