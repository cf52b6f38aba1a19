"""l1 between blocks of vectors, compiled for this processor.

The sum of |x - y| has no matrix product to lean on. What makes it fast is to hold a few vectors of both sides in
registers: two queries against four rows are eight sums for six loads, and the compiler turns each into the widest
instructions that the processor has. Slices of components and blocks of queries are chosen so that what is read again
still lies in a cache. Sums run in no fixed order, within the usual bound for sums of d terms.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Compiled = Callable[[Floats, Floats, Floats], None]

WORTH_COMPILING = 2.0e10
"""Components to be compared from which compiling, some three seconds in a process, is paid back."""

_SLICE = 1024
_QUERIES = 64


def is_worth_while(queries: int, rows: int, dim: int) -> bool:
    """Whether so large a search gains by the compiled kernel, and there is a compiler; any does once it is compiled."""
    if compile_once.cache_info().currsize:
        return True
    if float(queries) * rows * dim < WORTH_COMPILING:
        return False
    try:
        import numba  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


def cityblock_distances(queries: Floats, rows: Floats, distances: Floats) -> None:
    """Fill `distances` [P, m] between queries [P, d] and rows [m, d], all contiguous. Lets other threads run."""
    distances[:] = 0
    compile_once()(queries, rows, distances)


@lru_cache(maxsize=1)
def compile_once() -> Compiled:
    """The kernel for this processor; before threads ask for it, or each would compile it."""
    import numba
    from numba import types

    # Vectors mapped from a file cannot be written to, which is a type of its own here.
    vectors, sums = types.Array(types.float32, 2, "C", readonly=True), types.float32[:, ::1]
    signature = types.void(vectors, vectors, sums)
    options: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}
    compiled: Compiled = numba.njit(signature, **options)(_add_distances)
    return compiled


def _add_distances(queries: Floats, rows: Floats, sums: Floats) -> None:
    """Add to `sums` [P, m] the distances to the rows [m, d], a slice of the components at a time."""
    count, dim = queries.shape
    whole = len(rows) // 4 * 4
    for low in range(0, dim, _SLICE):
        high = min(dim, low + _SLICE)
        for first in range(0, count, _QUERIES):
            last = min(count, first + _QUERIES)
            even = first + (last - first) // 2 * 2
            for row in range(0, whole, 4):
                r0, r1 = rows[row, low:high], rows[row + 1, low:high]
                r2, r3 = rows[row + 2, low:high], rows[row + 3, low:high]
                for query in range(first, even, 2):
                    p, q = queries[query, low:high], queries[query + 1, low:high]
                    p0 = p1 = p2 = p3 = q0 = q1 = q2 = q3 = np.float32(0)
                    for component in range(len(p)):
                        x, y = p[component], q[component]
                        p0 += abs(x - r0[component])
                        p1 += abs(x - r1[component])
                        p2 += abs(x - r2[component])
                        p3 += abs(x - r3[component])
                        q0 += abs(y - r0[component])
                        q1 += abs(y - r1[component])
                        q2 += abs(y - r2[component])
                        q3 += abs(y - r3[component])
                    sums[query, row] += p0
                    sums[query, row + 1] += p1
                    sums[query, row + 2] += p2
                    sums[query, row + 3] += p3
                    sums[query + 1, row] += q0
                    sums[query + 1, row + 1] += q1
                    sums[query + 1, row + 2] += q2
                    sums[query + 1, row + 3] += q3
            # What is left over at both edges, one by one.
            for query in range(first, last):
                for row in range(0 if query >= even else whole, len(rows)):
                    p, r0 = queries[query, low:high], rows[row, low:high]
                    p0 = np.float32(0)
                    for component in range(len(p)):
                        p0 += abs(p[component] - r0[component])
                    sums[query, row] += p0
