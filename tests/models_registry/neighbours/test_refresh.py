"""Answers carried over a change of the gallery are those of a full search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.metrics import METRICS, Metric
from models_registry.neighbours import Neighbours, nearest, refresh_neighbours
from models_registry.store import Vectors


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_refreshed_answer_is_that_of_a_full_search(metric: Metric, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    n, q, dim = data.draw(st.integers(2, 40)), data.draw(st.integers(1, 12)), data.draw(st.integers(1, 5))
    k = data.draw(st.integers(1, 6))
    everything = rng.integers(0, 3, (n, dim)).astype(np.float32)  # few values: ties everywhere
    asked = rng.integers(0, n, q)
    groups = rng.integers(-1, 4, n)
    was, now = rng.random(n) < 0.7, rng.random(n) < 0.7
    was[rng.integers(n)] = now[rng.integers(n)] = True

    def search(rows: np.ndarray) -> Neighbours:
        return nearest(
            Vectors.from_array(everything[asked]), Vectors.from_array(everything[rows]), metric=metric, k=k,
            query_ids=asked, gallery_ids=rows, hidden=[(groups[asked], groups[rows])],
        )  # fmt: skip

    before_rows, rows = np.flatnonzero(was), np.flatnonzero(now)
    before = search(before_rows)
    items = np.where(before.indices < 0, -1, before_rows[before.indices])
    place = np.full(n + 1, -1)
    place[rows] = np.arange(len(rows))
    stale = ((items >= 0) & (place[items] < 0)).any(axis=1) | (rng.random(q) < 0.1)
    carried = Neighbours(np.where(stale[:, None], -1, place[items]), np.where(stale[:, None], np.nan, before.distances))
    added = np.flatnonzero(~was[rows] | (rng.random(len(rows)) < 0.1))

    found = refresh_neighbours(
        carried, stale, added, Vectors.from_array(everything[asked]), Vectors.from_array(everything[rows]),
        metric=metric, k=k, query_ids=asked, gallery_ids=rows, hidden=[(groups[asked], groups[rows])],
    )  # fmt: skip

    expected = search(rows)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)
