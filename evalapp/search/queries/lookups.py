"""A search from end to end: ask the service, or the attributes where it is away, and look every answer up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evalapp.catalog.models import Item
from evalapp.core.domain.errors import NotFound
from evalapp.search.domain.lookup_params import SPARE_ANSWERS, Found, LookupParams, Region
from evalapp.search.domain.recent_answers import RecentAnswers
from evalapp.search.domain.search_problems import SearchUnavailable
from evalapp.search.models import SearchIndex
from evalapp.search.queries import service_client
from evalapp.search.queries.attribute_search import Features, attribute_answers, facet_counts, features_of
from evalapp.search.queries.gallery import ShownItem, shown_items

Baseline = tuple[Sequence[tuple[int, float]], Mapping[str, Mapping[str, int]]]
"""Items with the share of features that do not agree, and the counts beside the filters."""
recent_baseline = RecentAnswers[Baseline](256)
"""Of each web process. What an answer shows is looked up anew, so that nothing that left is told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An item that is there at this moment. Between attributes, the distance is the share that does not agree."""

    item: ShownItem
    distance: float


@dataclass(frozen=True, slots=True)
class Result:
    """Answers, nearest first. `by` says what they were found by: `vectors` or `attributes`."""

    answers: list[Answer]
    by: str
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    guess: Mapping[str, Any] | None = None
    generation: int = 0
    change: int = 0
    exact: bool = True
    picture: tuple[int, int] | None = None
    regions: Sequence[Region] = ()


def look_up(index: SearchIndex, params: LookupParams, blob: bytes = b"", *, fall_back: bool = True) -> Result:
    """The answers to a question. Raises what is wrong with it, and SearchUnavailable without `fall_back`."""
    try:
        service_answer = service_client.look_up(replace(params, k=params.k + SPARE_ANSWERS), blob)
    except SearchUnavailable:
        if not fall_back:
            raise
        return by_attributes(index, params)
    return _vector_result(index, params, service_answer)


def by_attributes(index: SearchIndex, params: LookupParams, features: Features | None = None) -> Result:
    """The baseline's answers: by the features given, else by those of the item or of the first one liked."""
    query_items = [item for item in (params.item, *params.like) if item]
    if features is None:
        row = Item.objects.filter(pk__in=query_items[:1]).first()
        features = features_of(row) if row else Features()
    ranked, facets = _recent_baseline(index, params, features, leave_out=[*query_items, *params.unlike])
    return Result(_join_items(index, params, ranked), "attributes", facets, change=index.catalogue.last_change)


def _recent_baseline(
    index: SearchIndex, params: LookupParams, features: Features, leave_out: Sequence[int]
) -> Baseline:
    """Every item is compared, and while the service is away everybody asks: a photo without features, so mostly the
    same."""
    k, one_per_product = params.k + SPARE_ANSWERS, params.one_per_product or bool(params.hide_product)
    question_key = (repr(features), repr(sorted(params.filters.items())), k, tuple(leave_out), one_per_product)
    gallery_key = (index.pk, index.gallery_domain, index.gallery_split, index.catalogue.last_change)

    def find_baseline() -> Baseline:
        ranked = attribute_answers(
            index, features, filters=params.filters, k=k, leave_out=leave_out, one_per_product=one_per_product
        )
        return ranked, facet_counts(index, params.filters)

    return recent_baseline.get((*gallery_key, *question_key), find_baseline)


def item_of(index: SearchIndex, key: str) -> Item:
    """The item of the index's catalogue that bears this key now; raises NotFound."""
    item = Item.objects.filter(catalogue=index.catalogue_id, key=key, removed=False).first()
    if item is None:
        raise NotFound(f"{index.catalogue} has no item {key!r}.")
    return item


def _vector_result(index: SearchIndex, params: LookupParams, service_answer: Found) -> Result:
    return Result(
        _join_items(index, params, service_answer.items),
        "vectors",
        service_answer.facets,
        service_answer.guess,
        service_answer.generation,
        service_answer.change,
        service_answer.exact,
        service_answer.picture,
        service_answer.regions,
    )


def _join_items(index: SearchIndex, params: LookupParams, ranked: Sequence[tuple[int, float]]) -> list[Answer]:
    """The last defence: what was removed, flagged, moved or relabelled a moment ago is not shown, whatever the
    service has seen of it."""
    rows = shown_items(index, [item for item, _ in ranked], params.filters)
    answers: list[Answer] = []
    products: set[str] = set()
    for pk, distance in ranked:
        item = rows.get(pk)
        if item is None or (params.hide_product and item.product == params.hide_product):
            continue
        if (params.one_per_product or params.hide_product) and item.product:
            if item.product in products:
                continue
            products.add(item.product)
        answers.append(Answer(item, distance))
    return answers[: params.k]
