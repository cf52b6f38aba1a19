"""The protocols by which papers score the public sets, so that a number here can be laid beside theirs.

    sop             Stanford Online Products (Song and others, 2016): every test picture asks, all other test
                    pictures answer; recall@1/10/100/1000: one of the first k is of the same product
    inshop          In-shop Clothes Retrieval (Liu and others, 2016): pictures of the split `query` ask, those of the
                    split `gallery` answer; recall@1/10/20/30 likewise
    consumer2shop   Consumer-to-shop (same paper): consumers' photos of the test part ask, the shop's pictures of
                    validation and test part answer; recall@20: the product is among the first 20
    street2shop     Exact Street2Shop (Kiapour and others, 2015): each street photo of the test part, cut to its box,
                    asks, all shop photos of the same category answer; recall@20, also as the mean over categories

Only the picture itself is no answer to itself. A query whose product no answer shows is left out, and told. Where shops
answer, `product_recall_at_20` ranks products by their nearest picture, so that one product with many pictures takes one
place; `recall_at_20` ranks pictures, as code of the papers' time did. All other pictures, misleading or not, take part:
what is flagged stays in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from models_registry.evaluate.evaluation_question import Question
from models_registry.evaluate.resampling import bootstrap
from models_registry.evaluate.retrieval import recall_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.evaluate.resampling import Interval
    from models_registry.metrics import Metric

    Ids = NDArray[np.int64]
    Labels = Sequence[str | None]

ProtocolName = Literal["sop", "inshop", "consumer2shop", "street2shop"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """Who asks and who answers, by (domain, split) with "" for any domain, and what is counted.

    With `by_category` only pictures of the query's category answer; with `by_product` products are ranked as well.
    """

    ranks: tuple[int, ...]
    asks: frozenset[tuple[str, str]]
    answers: frozenset[tuple[str, str]]
    by_category: bool = False
    by_product: bool = False


PROTOCOLS: dict[ProtocolName, Protocol] = {
    "sop": Protocol((1, 10, 100, 1000), frozenset({("", "test")}), frozenset({("", "test")})),
    "inshop": Protocol((1, 10, 20, 30), frozenset({("", "query")}), frozenset({("", "gallery")})),
    "consumer2shop": Protocol(
        (20,), frozenset({("consumer", "test")}), frozenset({("shop", "val"), ("shop", "test")}), by_product=True
    ),
    "street2shop": Protocol(
        (20,),
        frozenset({("street", "test")}),
        frozenset({("shop", ""), ("shop", "train"), ("shop", "test")}),
        by_category=True,
        by_product=True,
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Items [n] as a catalogue has them."""

    domains: Labels
    splits: Labels
    categories: Labels
    products: Labels


@dataclass(frozen=True, slots=True)
class ProtocolScores:
    """Scores by name, such as `recall_at_10`, with intervals over products; by category where the protocol asks within
    one, and for every query's category else; `macro` is the mean over categories. `queries` were counted, `left_out`
    had no right answer."""

    protocol: str
    queries: int
    gallery: int
    left_out: int
    scores: dict[str, Interval]
    categories: dict[str, dict[str, float]]
    macro: dict[str, float]


def parts_of(name: ProtocolName, items: Labelled) -> tuple[Ids, Ids]:
    """Rows of who asks and who answers; raises ValueError where the splits are not those of the set."""
    protocol = PROTOCOLS[name]
    queries, gallery = _rows_in_places(items, protocol.asks), _rows_in_places(items, protocol.answers)
    if not len(queries) or not len(gallery):
        places_found = ", ".join(
            sorted({f"{domain or 'no domain'}/{split or 'no split'}" for domain, split in _domains_and_splits(items)})
        )
        raise ValueError(
            f"The protocol {name} has {len(queries)} pictures that ask and {len(gallery)} that answer here; it needs "
            f"the splits as they were published (domain/split found: {places_found})."
        )
    return queries, gallery


def score_protocol(name: ProtocolName, items: Labelled, vectors: NDArray[np.float32], metric: Metric) -> ProtocolScores:
    """The scores of vectors [n, d] by a protocol; raises ValueError as `parts_of` does."""
    protocol = PROTOCOLS[name]
    queries, gallery = parts_of(name, items)
    values_by_score: dict[str, NDArray[np.float64]] = {}
    for positions, answering in _question_parts(protocol, items, queries, gallery):
        question = Question(queries[positions], answering, items.categories, items.products)
        for key, values in _score_question(protocol, question, vectors, metric).items():
            values_by_score.setdefault(key, np.full(len(queries), np.nan))[positions] = values
    categories = [items.categories[row] or "" for row in queries.tolist()]
    clusters = Question(queries, gallery, items.categories, items.products).product_clusters()
    by_category = {key: _means_by_name(values, categories) for key, values in values_by_score.items()}
    names = sorted(set(categories))
    first = next(iter(values_by_score.values()))
    return ProtocolScores(
        name,
        int(np.count_nonzero(~np.isnan(first))),
        len(gallery),
        int(np.count_nonzero(np.isnan(first))),
        {key: bootstrap(values, clusters=clusters) for key, values in values_by_score.items()},
        {one: {key: by_category[key][one] for key in values_by_score if one in by_category[key]} for one in names},
        {key: float(np.mean(list(means.values()))) for key, means in by_category.items() if means},
    )


def _question_parts(protocol: Protocol, items: Labelled, queries: Ids, gallery: Ids) -> list[tuple[Ids, Ids]]:
    """Places among the queries with the rows that answer them: all at once, or those of one category each."""
    if not protocol.by_category:
        return [(np.arange(len(queries)), gallery)]
    of_query = np.array([items.categories[row] or "" for row in queries.tolist()])
    of_gallery = np.array([items.categories[row] or "" for row in gallery.tolist()])
    return [(np.flatnonzero(of_query == name), gallery[of_gallery == name]) for name in np.unique(of_query).tolist()]


def _score_question(
    protocol: Protocol, question: Question, vectors: NDArray[np.float32], metric: Metric
) -> dict[str, NDArray[np.float64]]:
    """1, 0 or NaN for each query [Q] under the name of each score."""
    products = [question.products[row] for row in question.gallery.tolist()]
    width = max(protocol.ranks)
    if protocol.by_product:
        width = _pictures_enough_for(products, width)
    neighbours = question.nearest_answers(vectors, metric, max(width, 1))
    hits = question.judge_answers(neighbours, "product")
    searched = hits.right.shape[1]
    scores = {f"recall_at_{rank}": recall_at(hits, min(rank, searched)) for rank in protocol.ranks}
    if protocol.by_product:
        for rank in protocol.ranks:
            right = _within_products(neighbours.indices, hits.right, products, rank)
            scores[f"product_recall_at_{rank}"] = np.where(hits.relevant > 0, right, np.nan)
    return scores


def _pictures_enough_for(products: Labels, product_count: int) -> int:
    """So many pictures are always of `product_count` products, or all there are: the largest products, and one more."""
    counts: dict[object, int] = {}
    for row, product in enumerate(products):
        name: object = product or row
        counts[name] = counts.get(name, 0) + 1
    largest = sorted(counts.values(), reverse=True)
    return min(len(products), sum(largest[: product_count - 1]) + 1)


def _within_products(
    indices: Ids, right: NDArray[np.bool_], products: Labels, product_count: int
) -> NDArray[np.float64]:
    """Whether the right product is among the first `product_count` different ones [Q]."""
    is_within = np.zeros(len(indices))
    for query, (rows, hits) in enumerate(zip(indices.tolist(), right.tolist(), strict=True)):
        products_seen: set[object] = set()
        for row, hit in zip(rows, hits, strict=True):
            if row < 0:
                break
            products_seen.add(products[row] or row)
            if len(products_seen) > product_count:
                break
            if hit:
                is_within[query] = 1.0
                break
    return is_within


def _means_by_name(values: NDArray[np.float64], names: Sequence[str]) -> dict[str, float]:
    """The mean of known values under each name."""
    groups: dict[str, list[float]] = {}
    for value, name in zip(values.tolist(), names, strict=True):
        if not np.isnan(value):
            groups.setdefault(name, []).append(value)
    return {name: float(np.mean(group)) for name, group in groups.items()}


def _rows_in_places(items: Labelled, places: frozenset[tuple[str, str]]) -> Ids:
    is_in_places = [(domain, split) in places or ("", split) in places for domain, split in _domains_and_splits(items)]
    return np.flatnonzero(np.array(is_in_places, dtype=bool))


def _domains_and_splits(items: Labelled) -> list[tuple[str, str]]:
    return [(domain or "", split or "") for domain, split in zip(items.domains, items.splits, strict=True)]
