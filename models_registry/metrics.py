"""The four distances, each defined once: smaller is nearer, the reported value is the one defined here.

`exact_distances` is the definition. Faster searches may choose candidates by other arithmetic (squares, inner
products, float32), but what they report and how they order it comes from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeGuard, assert_never, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Metric = Literal["l1", "l2", "cosine", "hamming"]
METRICS: tuple[Metric, ...] = get_args(Metric)


def is_metric(name: str) -> TypeGuard[Metric]:
    """Whether `name` is one of METRICS."""
    return name in METRICS


def sign_bits(vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pack `x > 0` of [n, d] float32 into [n, ceil(d / 8)] bytes, first component in the highest bit.

    Strictly greater: ReLU(x) > 0 exactly where x > 0, so a layer has one code before and after its ReLU.
    With `>=` every vector behind a ReLU would get the same code, all ones.
    """
    return np.packbits(vectors > 0, axis=1)


def exact_distances(metric: Metric, query: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distances [m] in float64 from one query [d] to rows [m, d].

    - l1: sum |x - y|
    - l2: sqrt(sum (x - y)^2), the root and not the square
    - cosine: 1 - x.y / (|x| |y|), in 0..2; a zero vector has no direction and is at 1 from everything
    - hamming: how many of the d bits `x > 0` differ, a whole number

    Row by row the sum runs in the same order whatever else is in `rows`, so equal rows get equal distances.
    """
    if metric == "hamming":
        return np.asarray(np.count_nonzero((rows > 0) != (query > 0), axis=1), dtype=np.float64)
    if metric == "cosine":
        return _cosine_distances(query.astype(np.float64), rows.astype(np.float64))
    wide = np.subtract(rows, query, dtype=np.float64)
    if metric == "l1":
        np.abs(wide, out=wide)
        return np.asarray(wide.sum(axis=1))
    if metric == "l2":
        return np.asarray(np.sqrt(_dot_products(wide, wide)))
    assert_never(metric)


def pairwise_distances(metric: Metric, queries: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distances [q, m] in float64 between queries [q, d] and rows [m, d]: obvious and slow."""
    return np.array([exact_distances(metric, query, rows) for query in queries]).reshape(len(queries), len(rows))


def _cosine_distances(query: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    dots = np.einsum("ij,j->i", rows, query)
    # One root of the product, not a product of roots: equal vectors are then at exactly 0.
    norms = np.sqrt(_dot_products(rows, rows) * _dot_products(query[None, :], query[None, :]))
    cosines = np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0)
    return np.asarray(np.minimum(np.maximum(1.0 - cosines, 0.0), 2.0))


def _dot_products(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inner products [m] of the rows of two [m, d]; not by BLAS, whose sums depend on how many rows there are."""
    return np.asarray(np.einsum("ij,ij->i", left, right))
