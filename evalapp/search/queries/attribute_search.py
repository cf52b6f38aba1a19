"""The baseline that needs no vectors: filter on predefined features, then rank by how many of them agree.

It is what shops had before, stands beside every comparison, and answers while the search service does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.fields import CharField
from django.db.models.functions import MD5, Cast
from django.db.models.lookups import Exact

from evalapp.catalog.models import Item
from evalapp.search.models import SearchIndex
from evalapp.search.queries.gallery import attribute_text, gallery_items, with_filters

_CATEGORY_POINTS = 3
"""That two things are of one kind says more than that they share a colour."""
_MOST_FEATURES = 20


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of the thing that is looked for."""

    category: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def most_points(self) -> int:
        """The points of an item that agrees in everything."""
        return (_CATEGORY_POINTS if self.category else 0) + len(self.attributes)


def features_of(item: Item) -> Features:
    """Those of an item of the catalogue."""
    return Features(item.category, dict(list(item.attributes.items())[:_MOST_FEATURES]))


def attribute_answers(
    index: SearchIndex,
    features: Features,
    *,
    filters: Mapping[str, Sequence[str]],
    k: int,
    leave_out: Sequence[int] = (),
    one_per_product: bool = False,
) -> list[tuple[int, float]]:
    """Items with the share of the features in which they do not agree, the fewest first.

    Ties are broken by a hash, so that no part of the catalogue is always in front.
    """
    points: Combinable = Value(0)
    if features.category:
        points = points + _points_where(_CATEGORY_POINTS, Q(category=features.category))
    for name, value in list(features.attributes.items())[:_MOST_FEATURES]:
        points = points + _points_where(1, Q(Exact(attribute_text(name), value)))
    items = with_filters(gallery_items(index), filters).exclude(pk__in=list(leave_out))
    ranked = items.annotate(points=points, draw=MD5(Cast(F("pk"), CharField()))).order_by("-points", "draw")
    ranked_answers: list[tuple[int, float]] = []
    products: set[str] = set()
    rows = ranked.values_list("pk", "points", "product")[: k * 10 if one_per_product else k]
    for pk, agreed, product in rows:
        if one_per_product and product and product in products:
            continue
        products.add(product)
        ranked_answers.append((pk, 1 - agreed / features.most_points if features.most_points else 1.0))
    return ranked_answers[:k]


def facet_counts(index: SearchIndex, filters: Mapping[str, Sequence[str]]) -> dict[str, dict[str, int]]:
    """Items by category, among those that the other filters let through."""
    others = {name: values for name, values in filters.items() if name != "category"}
    rows = _category_counts(with_filters(gallery_items(index), others))
    return {"category": dict(rows)} if rows else {}


def _category_counts(items: QuerySet[Item]) -> list[tuple[str, int]]:
    rows = items.exclude(category="").order_by().values_list("category").annotate(n=Count("pk"))
    return list(rows.order_by("-n", "category")[:40])


def _points_where(points: int, condition: Q) -> Case:
    return Case(When(condition, then=Value(points)), default=Value(0), output_field=IntegerField())
