"""How many threads a search takes, and that it gives back what it changed."""

from __future__ import annotations

import threading

import faiss
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from models_registry.neighbours.search_threads import in_shares, limited_threads


def threads_of_numpy() -> set[int]:
    numpy_folder = np.__file__.rpartition("/")[0]
    blas = [one for one in threadpool_info() if one["user_api"] == "blas"]
    return {one["num_threads"] for one in blas if one["filepath"].startswith(numpy_folder)}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_faiss_gets_the_threads_and_blas_one(threads: int) -> None:
    faiss.omp_set_num_threads(2)
    before = threads_of_numpy()
    with limited_threads(threads) as used:
        assert used == threads
        assert faiss.omp_get_max_threads() == threads
        assert threads_of_numpy() <= {1}
    assert faiss.omp_get_max_threads() == 2
    assert threads_of_numpy() == before


def test_what_a_failed_search_changed_is_given_back() -> None:
    faiss.omp_set_num_threads(2)
    with pytest.raises(ZeroDivisionError), limited_threads(1):
        raise ZeroDivisionError
    assert faiss.omp_get_max_threads() == 2


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_shares_run_beside_each_other_and_come_back_in_order(threads: int) -> None:
    together = threading.Barrier(threads, timeout=10)

    def share(own: int) -> int:
        together.wait()
        return own

    assert in_shares(share, threads) == list(range(threads))


def test_what_goes_wrong_in_a_share_is_told() -> None:
    with pytest.raises(ZeroDivisionError):
        in_shares(lambda own: 1 // own, 3)
