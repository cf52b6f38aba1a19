"""Boxes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.catalog.domain.importers.bounding_boxes import clamp_box, parse_box


def test_four_empty_cells_are_no_box() -> None:
    assert parse_box(["", " ", "", ""]) is None


def test_numbers_may_have_points_and_zeros_in_front() -> None:
    assert parse_box(["072", "79.5", " 232 ", "273.0"]) == (72, 79.5, 232, 273)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1", "2", "", "4"], "not four numbers"),
        (["1", "2", "wide", "4"], "not four numbers"),
        (["1", "2", "nan", "4"], "finite"),
        (["1", "2", "inf", "4"], "finite"),
        (["9", "2", "3", "4"], "empty"),
        (["1", "4", "3", "4"], "empty"),
    ],
)
def test_a_bad_box_is_told_in_words(cells: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_box(cells)


def test_a_box_is_cut_to_the_picture_and_keeps_every_pixel_it_touches() -> None:
    assert clamp_box((-5, 2.4, 9.1, 400), 20, 30) == (0, 2, 10, 30)


def test_a_box_beside_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the 20 by 30 picture"):
        clamp_box((20, 0, 25, 10), 20, 30)


corner = st.floats(-1e300, 1e300)


@given(
    x=st.tuples(corner, corner), y=st.tuples(corner, corner), size=st.tuples(st.integers(1, 500), st.integers(1, 500))
)
def test_what_is_not_refused_lies_inside_and_is_not_empty(
    x: tuple[float, float], y: tuple[float, float], size: tuple[int, int]
) -> None:
    try:
        x1, y1, x2, y2 = clamp_box((min(x), min(y), max(x), max(y)), *size)
    except ValueError:
        outside = max(x) <= 0 or max(y) <= 0 or min(x) >= size[0] or min(y) >= size[1]
        shares = min(*x, *y) >= 0 and max(*x, *y) <= 1
        assert outside or shares or x[0] == x[1] or y[0] == y[1]
    else:
        assert 0 <= x1 < x2 <= size[0]
        assert 0 <= y1 < y2 <= size[1]


@pytest.mark.parametrize("box", [(0.1, 0.2, 0.9, 0.8), (0.0, 0.0, 1.0, 1.0)])
def test_shares_of_the_picture_are_not_taken_for_pixels(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="looks like shares of the picture; give pixels"):
        clamp_box(box, 160, 200)
    assert clamp_box((0, 0, 1, 200), 160, 200) == (0, 0, 1, 200)
