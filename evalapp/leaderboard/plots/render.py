"""Drawings as SVG: for a page, where CSS styles the roles, or as a file that brings its own looks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from evalapp.leaderboard.plots.looks import FONT, LOOKS, SHEET
from evalapp.leaderboard.plots.marks import Box, Dot, Drawing, Line, Mark, Trace, Words


def for_page(drawing: Drawing, element_id: str) -> str:
    """An `<svg>` without any style, its roles as classes; `element_id` names it for those who listen."""
    title, summary = f"{element_id}-title", f"{element_id}-summary"
    head = (
        f'<svg class="plot" viewBox="0 0 {_number(drawing.width)} {_number(drawing.height)}" role="img" direction="ltr"'
        f' aria-labelledby="{title}" aria-describedby="{summary}">'
        f'<title id="{title}">{escape(drawing.title)}</title><desc id="{summary}">{escape(drawing.summary)}</desc>'
    )
    return head + "".join(_mark(mark, {"class": f"plot__{mark.role}"}) for mark in drawing.marks) + "</svg>"


def as_file(drawing: Drawing, language: str = "en") -> str:
    """A document of its own on white, with every look as an attribute: no style sheet, no script, no outside font."""
    width, height = _number(drawing.width), _number(drawing.height)
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' xml:lang="{escape(language)}" direction="ltr" font-family="{escape(FONT)}">'
        f"<title>{escape(drawing.title)}</title><desc>{escape(drawing.summary)}</desc>"
        f'<rect width="100%" height="100%" fill="{SHEET}"/>'
    )
    return head + "".join(_mark(mark, LOOKS[mark.role]) for mark in drawing.marks) + "</svg>\n"


def _mark(mark: Mark, look: Mapping[str, str]) -> str:
    match mark:
        case Line():
            return _element("line", {"x1": mark.x1, "y1": mark.y1, "x2": mark.x2, "y2": mark.y2}, look)
        case Box():
            place = {"x": mark.x, "y": mark.y, "width": mark.width, "height": mark.height}
            return _element("rect", place, look, _hint(mark.hint))
        case Dot():
            return _element("circle", {"cx": mark.x, "cy": mark.y, "r": mark.radius}, look, _hint(mark.hint))
        case Trace():
            steps = " ".join(f"{_number(x)},{_number(y)}" for x, y in mark.points)
            return _element("polygon" if mark.closed else "polyline", {"points": steps}, look)
        case Words():
            where: dict[str, float | str] = {"x": mark.x, "y": mark.y, "dy": "0.35em", "text-anchor": mark.anchor}
            return _element("text", where, look, escape(mark.text))


def _hint(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _element(name: str, place: Mapping[str, float | str], look: Mapping[str, str], inside: str = "") -> str:
    attributes = {key: value if isinstance(value, str) else _number(value) for key, value in place.items()}
    told = "".join(f' {key}="{escape(value)}"' for key, value in {**attributes, **look}.items())
    return f"<{name}{told}>{inside}</{name}>" if inside else f"<{name}{told}/>"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
