"""Reading studies: lists, progress, and the automatic scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from models_registry.evaluate import expected_random_match

from evalapp.catalog.models import Item
from evalapp.core.errors import Conflict, NotFound
from evalapp.stats.intervals import wilson
from evalapp.studies.models import Contender, Gallery, Nomination, Pair, Query, Study, StudyState


def study_by_slug(slug: str) -> Study:
    """The study; raises NotFound."""
    study = Study.objects.select_related("catalogue").filter(slug=slug).first()
    if study is None:
        raise NotFound(f"There is no study {slug}.")
    return study


def _summed(field: str, of: QuerySet[Any]) -> Coalesce:
    sums = of.values("study").annotate(total=Sum(field)).values("total")
    return Coalesce(Subquery(sums, output_field=IntegerField()), 0)


def studies_with_progress() -> QuerySet[Study]:
    """Studies with `pairs` that can be shown and `answers` given, as two sub-queries and not one per row."""
    shown = Pair.objects.filter(study=OuterRef("pk"), slot__isnull=False)
    queries = Query.objects.filter(study=OuterRef("pk"))
    return Study.objects.select_related("catalogue").annotate(
        pair_count=_summed("slots", queries),
        dopes=_summed("dope", shown),
        nopes=_summed("nope", shown),
    )


def open_studies() -> QuerySet[Study]:
    """What people may vote on now."""
    return studies_with_progress().filter(state=StudyState.OPEN)


@dataclass(frozen=True, slots=True)
class Score:
    """A share with its interval (Wilson, 95 %: the queries are a fixed sample); all None without labels."""

    value: float | None
    low: float | None
    high: float | None


def evaluation(study: Study) -> dict[str, Any]:
    """The automatic scores of every contender beside the random control.

    Category match is the share of queries whose first choice has the query's category, among the pairs in which
    both have one. Raises Conflict while nothing was computed.
    """
    labels = _Labels(study)
    first = _first_choices(study)
    contenders = list(study.contenders.select_related("embedding__model"))
    if not any(len(first[contender.pk]) for contender in contenders):
        raise Conflict(f"{study} has no pairs yet; run: python manage.py precompute {study} --wait")
    control = next((contender for contender in contenders if contender.is_control), None)
    measured = labels.category_match(first[control.pk]) if control else None
    return {
        "study": study.slug,
        "queries": len(labels.queries),
        "gallery": len(labels.gallery),
        "control": {
            "category_match": measured.value if measured else None,
            "low": measured.low if measured else None,
            "high": measured.high if measured else None,
            "expected": labels.expected_match(),
        },
        "contenders": [
            _scores(contender, first[contender.pk], labels) for contender in contenders if not contender.is_control
        ],
    }


def _scores(contender: Contender, pairs: np.ndarray, labels: _Labels) -> dict[str, Any]:
    match = labels.category_match(pairs)
    recall = labels.product_recall(pairs)
    embedding = contender.embedding
    return {
        "contender": contender.name,
        "model": embedding.model.name if embedding else None,
        "tap": embedding.tap if embedding else None,
        "metric": contender.metric,
        "category_match": match.value,
        "low": match.low,
        "high": match.high,
        "answered": len(pairs),
        "product_recall_at_1": recall.value,
        "product_recall_low": recall.low,
        "product_recall_high": recall.high,
    }


def _first_choices(study: Study) -> dict[int, np.ndarray]:
    """Per contender an array [n, 2] of query item and first choice, all in one query."""
    rows = Nomination.objects.filter(contender__study=study, rank=1).values_list(
        "contender_id", "pair__query__item_id", "pair__candidate_id"
    )
    found = np.array(list(rows.iterator(chunk_size=20_000)), dtype=np.int64).reshape(-1, 3)
    return {pk: found[found[:, 0] == pk, 1:] for pk in study.contenders.values_list("pk", flat=True)}


class _Labels:
    """Categories and products of a study's items, as numbers; -1 where there is none."""

    def __init__(self, study: Study) -> None:
        self.gallery: list[int] = Gallery.objects.values_list("items", flat=True).get(study=study)
        self.queries: list[int] = list(study.queries.values_list("item_id", flat=True))
        rows = Item.objects.filter(pk__in=self.gallery).values_list("pk", "category", "product")
        self.category: dict[int, str] = {}
        self.product: dict[int, str] = {}
        for pk, category, product in rows.iterator(chunk_size=10_000):
            self.category[pk], self.product[pk] = category, product
        self._product_sizes: dict[str, int] = {}
        for product in self.product.values():
            self._product_sizes[product] = self._product_sizes.get(product, 0) + 1

    def category_match(self, pairs: np.ndarray) -> Score:
        known = [(self.category.get(query, ""), self.category.get(found, "")) for query, found in pairs.tolist()]
        labelled = [(query, found) for query, found in known if query and found]
        return _score(sum(query == found for query, found in labelled), len(labelled))

    def product_recall(self, pairs: np.ndarray) -> Score:
        """Recall@1 over the queries whose product has another picture in the gallery."""
        known = [(self.product.get(query, ""), self.product.get(found, "")) for query, found in pairs.tolist()]
        askable = [(query, found) for query, found in known if query and self._product_sizes[query] > 1]
        return _score(sum(query == found for query, found in askable), len(askable))

    def expected_match(self) -> float | None:
        """What random answers are expected to reach on these queries and this gallery."""
        return expected_random_match(
            [self.category.get(item) or None for item in self.queries],
            [self.category.get(item) or None for item in self.gallery],
        )


def _score(hits: int, of: int) -> Score:
    if of == 0:
        return Score(None, None, None)
    interval = wilson(hits, of)
    return Score(hits / of, interval.low, interval.high)
