"""Boxes in levels, from a thing down to all that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalapp.plots.marks import Box, Drawing, Mark, Trace, Words

_WIDTH, _HEIGHT = 208.0, 52.0
_GAP_X, _GAP_Y, _EDGE = 24.0, 56.0, 8.0
_LONGEST = 20


@dataclass(frozen=True, slots=True)
class Member:
    """A box: its `kind` in small letters, its `name` below; `role` says how it looks."""

    kind: str
    name: str
    role: str = "box"


def family_tree(
    name: str,
    title: str,
    summary: str,
    members: Mapping[str, Member],
    levels: Sequence[Sequence[str]],
    links: Iterable[tuple[str, str]],
) -> Drawing:
    """`levels` hold keys of `members` from the top; `links` are (made, made from), drawn from foot to head."""
    widest = max(len(level) for level in levels)
    width = _total_extent(widest, _WIDTH, _GAP_X)
    places = {}
    for depth, level in enumerate(levels):
        left = (width - _total_extent(len(level), _WIDTH, _GAP_X)) / 2 + _EDGE
        for number, key in enumerate(level):
            places[key] = (left + number * (_WIDTH + _GAP_X), _EDGE + depth * (_HEIGHT + _GAP_Y))
    marks: list[Mark] = [_draw_link(places[made], places[source]) for made, source in dict.fromkeys(links)]
    for key, (x, y) in places.items():
        member = members[key]
        marks.append(Box(member.role, x, y, _WIDTH, _HEIGHT, member.name))
        marks.append(Words("note", x + 12, y + 16, member.kind))
        marks.append(Words("name", x + 12, y + 35, _shorten_name(member.name)))
    return Drawing(name, title, summary, width, _total_extent(len(levels), _HEIGHT, _GAP_Y), tuple(marks))


def _total_extent(count: int, size: float, gap: float) -> float:
    return count * size + (count - 1) * gap + 2 * _EDGE


def _draw_link(made: tuple[float, float], source: tuple[float, float]) -> Trace:
    x1, y1 = made[0] + _WIDTH / 2, made[1] + _HEIGHT
    x2, y2 = source[0] + _WIDTH / 2, source[1]
    # Down, across, down: one corner may lie above the other where a thing was made from something of its own level.
    middle = y2 - _GAP_Y / 2
    return Trace("link", ((x1, y1), (x1, middle), (x2, middle), (x2, y2)))


def _shorten_name(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
