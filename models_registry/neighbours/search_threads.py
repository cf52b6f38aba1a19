"""The threads of a search: each takes its share of the queries, and waits for nobody on the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from threadpoolctl import ThreadpoolController

from models_registry.devices import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")


@contextmanager
def limited_threads(threads: int | None) -> Iterator[int]:
    """Let faiss use this many threads, None for this process's share of the cores; gives their number.

    BLAS gets one: shares of the queries lie beside each other, and threads of its own would wait for each other at the
    end of every product, and for what is done between two of them.
    """
    import faiss

    used = threads or usable_cores()
    before = faiss.omp_get_max_threads()
    # In this order: the BLAS that faiss brings would take its limit for that of all of faiss.
    with _blas_libraries().limit(limits=1):
        faiss.omp_set_num_threads(used)
        try:
            yield used
        finally:
            faiss.omp_set_num_threads(before)


def in_shares(work: Callable[[int], Result], threads: int) -> list[Result]:
    """`work(share)` for share 0..threads - 1, each in a thread of its own; what they gave, in that order."""
    if threads == 1:
        return [work(0)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


@lru_cache(maxsize=1)
def _blas_libraries() -> ThreadpoolController:
    """The libraries of BLAS, looked for once: that takes some milliseconds."""
    return ThreadpoolController().select(user_api="blas")
