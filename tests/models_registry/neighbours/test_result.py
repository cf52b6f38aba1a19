"""A result that cannot be true is refused."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.neighbours import Neighbours


@pytest.mark.parametrize(
    ("indices", "distances", "message"),
    [
        ([[1, 2]], [[0.5]], "must both be"),
        ([1, 2], [0.5, 0.6], "must both be"),
        ([[1, 2]], [[0.6, 0.5]], "not sorted"),
        ([[-1, 2]], [[np.nan, 0.5]], "behind an empty place"),
        ([[1, -1]], [[0.5, 0.6]], "a distance without a neighbour"),
        ([[1, 2]], [[0.5, np.nan]], "without its distance"),
    ],
)
def test_it_refuses(indices: list[object], distances: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Neighbours(np.array(indices), np.array(distances))


def test_it_knows_the_first_neighbour_of_each_query() -> None:
    found = Neighbours(np.array([[3, 1], [-1, -1]]), np.array([[0.0, 0.0], [np.nan, np.nan]]))
    assert (len(found), found.top.tolist()) == (2, [3, -1])
