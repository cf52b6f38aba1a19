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
        found = service_client.look_up(replace(params, k=params.k + SPARE_ANSWERS), blob)
    except SearchUnavailable:
        if not fall_back:
            raise
        return by_attributes(index, params)
    return _result(index, params, found)


def by_attributes(index: SearchIndex, params: LookupParams, features: Features | None = None) -> Result:
    """The baseline's answers: by the features given, else by those of the item or of the first one liked."""
    asked = [item for item in (params.item, *params.like) if item]
    if features is None:
        row = Item.objects.filter(pk__in=asked[:1]).first()
        features = features_of(row) if row else Features()
    found, facets = _baseline(index, params, features, leave_out=[*asked, *params.unlike])
    return Result(_joined(index, params, found), "attributes", facets, change=index.catalogue.last_change)


def _baseline(index: SearchIndex, params: LookupParams, features: Features, leave_out: Sequence[int]) -> Baseline:
    """Every item is compared, and while the service is away everybody asks: a photo without features, so mostly the
    same."""
    k, one_per_product = params.k + SPARE_ANSWERS, params.one_per_product or bool(params.hide_product)
    asked = (repr(features), repr(sorted(params.filters.items())), k, tuple(leave_out), one_per_product)
    gallery = (index.pk, index.gallery_domain, index.gallery_split, index.catalogue.last_change)

    def find() -> Baseline:
        ranked = attribute_answers(
            index, features, filters=params.filters, k=k, leave_out=leave_out, one_per_product=one_per_product
        )
        return ranked, facet_counts(index, params.filters)

    return recent_baseline.get((*gallery, *asked), find)


def item_of(index: SearchIndex, key: str) -> Item:
    """The item of the index's catalogue that bears this key now; raises NotFound."""
    item = Item.objects.filter(catalogue=index.catalogue_id, key=key, removed=False).first()
    if item is None:
        raise NotFound(f"{index.catalogue} has no item {key!r}.")
    return item


def _result(index: SearchIndex, params: LookupParams, found: Found) -> Result:
    return Result(
        _joined(index, params, found.items),
        "vectors",
        found.facets,
        found.guess,
        found.generation,
        found.change,
        found.exact,
        found.picture,
        found.regions,
    )


def _joined(index: SearchIndex, params: LookupParams, found: Sequence[tuple[int, float]]) -> list[Answer]:
    """The last defence: what was removed, flagged, moved or relabelled a moment ago is not shown, whatever the
    service has seen of it."""
    rows = shown_items(index, [item for item, _ in found], params.filters)
    answers: list[Answer] = []
    products: set[str] = set()
    for pk, distance in found:
        item = rows.get(pk)
        if item is None or (params.hide_product and item.product == params.hide_product):
            continue
        if (params.one_per_product or params.hide_product) and item.product:
            if item.product in products:
                continue
            products.add(item.product)
        answers.append(Answer(item, distance))
    return answers[: params.k]
