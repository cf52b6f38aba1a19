"""Drawings: numbers land where they belong, words are escaped, files stand alone, in wide and in narrow."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.plots.curves import Course, Moment, draw_courses
from evalapp.plots.family_tree import Member, family_tree
from evalapp.plots.heat import cell_tone, draw_heat, honest_percent
from evalapp.plots.marks import Box, Dot, Drawing, Line, Trace, Words
from evalapp.plots.point_cloud import point_cloud
from evalapp.plots.role_styles import LOOKS
from evalapp.plots.scales import Scale, shares_around
from evalapp.plots.scatter import Point, draw_scatter
from evalapp.plots.search.tradeoff import Reached, Way, draw_tradeoff
from evalapp.plots.series import STYLES, draw_series
from evalapp.plots.svg_render import as_file, for_page
from evalapp.plots.whiskers import Reference, Whisker, draw_whiskers
from evalapp.plots.worth_over_cost import Priced, worth_over_cost
from tests.conftest import REPOSITORY

NASTY = '<script>&"quoted"'
SHARES = st.floats(0, 1)


def rows() -> list[Whisker]:
    return [
        Whisker("net:l2", 0.6, 0.5, 0.7, "first", raw=0.55),
        Whisker(NASTY, 0.4, 0.3, 0.5),
        Whisker("control", 0.2, 0.1, 0.3, "control"),
        Whisker("late", None, 0.0, 1.0),
    ]


def every_drawing(width: float) -> list[Drawing]:
    moments = tuple(Moment(votes, 0.5, 0.4, 0.6) for votes in (10, 20, 40))
    points = [
        Point("1", NASTY, (0.7, 0.6, 0.8), (0.6, 0.5, 0.7)),
        Point("2", "b", (0.5, 0.4, 0.6), (0.4, 0.3, 0.5), True),
    ]
    measures = {f"{NASTY}{number}": [(1, 0.5), (3, -0.5 * number)] for number in range(STYLES + 1)}
    members = {key: Member("run", NASTY * 3, role) for key, role in zip("abcd", ["box", "box-soft"] * 2, strict=True)}
    reference = Reference(floor=0.2, ceiling=0.9, mean=0.5)
    ways = [
        Way("1", "exact", Reached(1, 1.0)),
        Way("2", NASTY, Reached(19, 0.99), (Reached(40, 0.93), Reached(0.4, 1.0)), chosen=True),
    ]
    return [
        draw_whiskers("standings", NASTY, NASTY, rows(), reference=reference, width=width),
        draw_courses("over-time", "t", "s", [Course(NASTY, moments), Course("b", moments)], width=width),
        draw_scatter("labels", "t", "s", points, x_name="x", y_name="y", width=width),
        draw_series("curves", NASTY, NASTY, measures, step_name="epoch", width=width),
        point_cloud("map", "t", "s", [(-1, -1, 0), (1, 1, 9)], side=width),
        family_tree("lineage", NASTY, "s", members, [["a"], ["b", "c"], ["d"]], [("a", "b"), ("a", "c"), ("c", "d")]),
        worth_over_cost(
            "backbones",
            "t",
            "s",
            [Priced(NASTY, 0.5, (0.5, 0.4, 0.6), 9), Priced("b", 80, (0.0, 0.0, 1.0), affordable=False)],
            floors=[(NASTY, 0.1)],
            cost_name="ms",
            worth_name=NASTY,
            note=NASTY,
            width=width,
        ),
        draw_heat(
            "duels", "t", "s", ["a", NASTY], [[None, 0.999], [0.001, None]], [[None, 1.4], [-1.4, None]], width=width
        ),
        draw_tradeoff("experiment", "t", "s", ways, wanted=0.98, x_name="x", y_name="y", width=width),
    ]


DRAWINGS = [*every_drawing(720), *every_drawing(340)]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: f"{drawing.name}-{drawing.width:.0f}")
def test_a_file_is_well_formed_and_brings_all_its_looks(drawing: Drawing) -> None:
    text = as_file(drawing)
    root = ET.fromstring(text)  # noqa: S314 - our own words
    assert root.attrib["width"] == f"{drawing.width:g}"
    for outside in ("class=", "style=", "<script", "url(", "href"):
        assert outside not in text
    painted = [
        one for one in root.iter() if one.tag.rpartition("}")[2] in {"line", "rect", "circle", "text", "polyline"}
    ]
    assert painted
    assert all("fill" in one.attrib or "stroke" in one.attrib for one in painted)


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: f"{drawing.name}-{drawing.width:.0f}")
def test_on_a_page_roles_are_classes_and_words_are_escaped(drawing: Drawing) -> None:
    text = for_page(drawing, "plot-x")
    ET.fromstring(text)  # noqa: S314 - our own words
    assert "style=" not in text
    assert "<script" not in text
    assert 'aria-labelledby="plot-x-title"' in text


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: f"{drawing.name}-{drawing.width:.0f}")
def test_everything_lies_on_the_sheet(drawing: Drawing) -> None:
    for mark in drawing.marks:
        match mark:
            case Line():
                places = [(mark.x1, mark.y1), (mark.x2, mark.y2)]
            case Box():
                places = [(mark.x, mark.y), (mark.x + mark.width, mark.y + mark.height)]
            case Dot() | Words():
                places = [(mark.x, mark.y)]
            case Trace():
                places = list(mark.points)
        for x, y in places:
            assert -0.01 <= x <= drawing.width + 0.01, mark
            assert -0.01 <= y <= drawing.height + 0.01, mark


def test_every_role_has_looks_in_files_and_on_pages() -> None:
    folder = REPOSITORY / "frontend" / "static" / "css" / "components"
    css = (folder / "plot.css").read_text("utf-8")
    used = {mark.role for drawing in DRAWINGS for mark in drawing.marks}
    assert used <= set(LOOKS)
    for role in used:
        assert role.startswith("cell-") or re.search(rf"\.plot__{role}\b", css), role


def test_whiskers_are_in_proportion() -> None:
    drawing = draw_whiskers("s", "t", "s", rows(), reference=Reference(), width=720)
    lines = [mark for mark in drawing.marks if isinstance(mark, Line) and mark.role.startswith("whisker")]
    dots = [
        mark for mark in drawing.marks if isinstance(mark, Dot) and mark.role in {"dot", "dot-first", "dot-control"}
    ]
    unit = (lines[0].x2 - lines[0].x1) / 0.2
    for line, dot in zip(lines, dots, strict=True):
        assert line.x2 - line.x1 == pytest.approx(0.2 * unit)
        assert dot.x == pytest.approx((line.x1 + line.x2) / 2)
    assert dots[0].x - dots[1].x == pytest.approx(0.2 * unit)


@given(SHARES, SHARES)
def test_a_scale_keeps_order_and_bounds(one: float, other: float) -> None:
    scale = Scale(0.2, 0.8, 50, 650)
    low, high = sorted((one, other))
    assert 50 <= scale(low) <= scale(high) <= 650


@given(st.lists(SHARES, min_size=1, max_size=9), st.integers(4, 9))
def test_ticks_are_round_few_and_inside(values: list[float], most: int) -> None:
    low, high = shares_around(values)
    assert low <= min(values) + 1e-9
    assert high >= max(values) - 1e-9
    ticks = Scale(low, high, 0, 100).round_ticks(most)
    assert 2 <= len(ticks) <= most + 1
    assert low - 1e-9 <= ticks[0] < ticks[-1] <= high + 1e-9


def test_a_probability_is_never_told_as_certain() -> None:
    assert [honest_percent(share) for share in (0.0, 0.004, 0.5, 0.996, 1.0)] == ["<1", "<1", "50", ">99", ">99"]
    assert [cell_tone(sure) for sure in (None, -1, -0.5, 0, 0.5, 1)] == ["cell-none", *(f"cell-{n}" for n in range(5))]


def test_what_is_worth_more_stands_higher_and_what_costs_ten_times_as_much_stands_as_far_right_again() -> None:
    points = [Priced(str(cost), cost, (0.2 + cost / 1000, 0.0, 1.0)) for cost in (1, 10, 100)]
    drawing = worth_over_cost("b", "t", "s", points, cost_name="ms", worth_name="recall")
    first, second, third = (mark for mark in drawing.marks if isinstance(mark, Dot))
    assert first.y > second.y > third.y
    assert second.x - first.x == pytest.approx(third.x - second.x)


def test_a_link_leads_from_the_foot_of_the_made_to_the_head_of_its_source() -> None:
    members = {key: Member("run", key) for key in "ab"}
    drawing = family_tree("f", "t", "s", members, [["a"], ["b"]], [("a", "b"), ("a", "b")])
    (link,) = (mark for mark in drawing.marks if isinstance(mark, Trace))
    above, below = (mark for mark in drawing.marks if isinstance(mark, Box))
    assert link.points[0] == (above.x + above.width / 2, above.y + above.height)
    assert link.points[-1] == (below.x + below.width / 2, below.y)


def test_twice_the_speed_is_as_far_everywhere_and_the_chosen_one_stands_out() -> None:
    ways = [Way(str(n), f"way {n}", Reached(speed, 0.9), chosen=n == 2) for n, speed in enumerate((1.0, 10.0, 100.0))]
    drawing = draw_tradeoff("experiment", "t", "s", ways, wanted=0.95, x_name="x", y_name="y")
    dots = {mark.hint: mark for mark in drawing.marks if isinstance(mark, Dot)}
    assert list(dots) == ["way 2: 100× and 90.0%", "way 1: 10× and 90.0%", "way 0: 1.0× and 90.0%"]
    third, second, first = (dot.x for dot in dots.values())
    assert third - second == pytest.approx(second - first)
    assert [dot.role for dot in dots.values()] == ["dot-first", "dot", "dot"]
    (wanted,) = (mark for mark in drawing.marks if isinstance(mark, Line) and mark.role == "mean")
    assert all(dot.y > wanted.y1 for dot in dots.values())
