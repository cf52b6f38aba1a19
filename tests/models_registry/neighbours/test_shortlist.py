"""The least costs of all that went by, in whatever order and pieces they came."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.neighbours.shortlist import Shortlist


@pytest.mark.parametrize("order", ["by chance", "the best last", "the best first"])
@pytest.mark.parametrize("pieces", [(3000,), (5, 700, 2295)])
def test_it_keeps_the_least(order: str, pieces: tuple[int, ...]) -> None:
    costs = np.random.default_rng(3).standard_normal((7, 3000)).astype(np.float32)
    if order != "by chance":
        costs = np.sort(costs, axis=1)[:, :: -1 if order == "the best last" else 1]
    shortlist = Shortlist(7, 20)
    for start, stop in zip(np.cumsum((0, *pieces[:-1])), np.cumsum(pieces), strict=True):
        # Two blocks of queries, as a search makes them.
        shortlist.add_costs(costs[:4, start:stop], int(start))
        shortlist.add_costs(costs[4:, start:stop], int(start), query=4)
    found, rows = shortlist.sorted_rows()
    np.testing.assert_array_equal(found, np.sort(costs, axis=1)[:, :20])
    np.testing.assert_array_equal(np.take_along_axis(costs, rows, axis=1), found)


def test_fewer_rows_than_there_is_room_for_leave_infinity() -> None:
    shortlist = Shortlist(2, 5)
    shortlist.add_costs(np.array([[3.0, 1.0], [2.0, 4.0]], dtype=np.float32), 10)
    costs, rows = shortlist.sorted_rows()
    assert costs[:, :2].tolist() == [[1, 3], [2, 4]]
    assert rows[:, :2].tolist() == [[11, 10], [10, 11]]
    assert np.isinf(costs[:, 2:]).all()
