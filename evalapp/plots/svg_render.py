"""Drawings as SVG: for a page, where CSS styles the roles, or as a file that brings its own looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from unicodedata import east_asian_width

from evalapp.plots.marks import Box, Dot, Drawing, Line, Mark, Trace, Words
from evalapp.plots.role_styles import FONT, LOOKS, SHEET

_EDGE, _LINE, _GAP = 28.0, 26.0, 14.0
"""Around a drawing with a caption, of a line of it, and between the two."""


def for_page(drawing: Drawing, element_id: str, *, own_size: bool = False) -> str:
    """An `<svg>` without any style, its roles as classes; `element_id` names it for those who listen.

    It takes the width of its place, or with `own_size` that of the drawing, for places that scroll.
    """
    title, summary = f"{element_id}-title", f"{element_id}-summary"
    size = f'width="{_short_number(drawing.width)}" height="{_short_number(drawing.height)}" ' if own_size else ""
    head = (
        f'<svg class="plot{"-own" if own_size else ""}" {size}viewBox="0 0 {_short_number(drawing.width)} '
        f'{_short_number(drawing.height)}" role="img" direction="ltr"'
        f' aria-labelledby="{title}" aria-describedby="{summary}">'
        f'<title id="{title}">{escape(drawing.title)}</title><desc id="{summary}">{escape(drawing.summary)}</desc>'
    )
    return head + "".join(_mark_element(mark, {"class": f"plot__{mark.role}"}) for mark in drawing.marks) + "</svg>"


def stamp_drawing(drawing: Drawing, text: str) -> Drawing:
    """The same with a word across it; an empty one leaves it as it is."""
    middle = Words("watermark", drawing.width / 2, drawing.height / 2, text, "middle")
    return replace(drawing, marks=(*drawing.marks, middle)) if text else drawing


@dataclass(frozen=True, slots=True)
class Caption:
    """What surrounds a drawing that stands alone: `heading` above its title, `axes` and `footnote` below it, each left
    out where it is empty."""

    heading: str = ""
    axes: str = ""
    footnote: str = ""


def as_file(drawing: Drawing, language: str = "en", caption: Caption | None = None) -> str:
    """A document of its own on white, with every look as an attribute: no style sheet, no script, no outside font.

    With a caption it has a margin, and a title, as on a slide.
    """
    inside = "".join(_mark_element(mark, LOOKS[mark.role]) for mark in drawing.marks)
    if caption is None:
        return _svg_document(drawing, language, drawing.width, drawing.height, inside)
    above = [Words("heading", 0, 0, line) for line in _break_lines(caption.heading, drawing.width)]
    above.append(Words("subtitle", 0, 0, drawing.title))
    below = [Words("note", 0, 0, text) for text in (caption.axes, caption.footnote) if text]
    top = _EDGE + _LINE * len(above) + _GAP
    texts = [replace(line_words, x=_EDGE, y=_EDGE + _LINE * (row + 0.5)) for row, line_words in enumerate(above)]
    end = top + drawing.height + _GAP
    texts += [replace(line_words, x=_EDGE, y=end + _LINE * (row + 0.5)) for row, line_words in enumerate(below)]
    moved = f'<g transform="translate({_short_number(_EDGE)} {_short_number(top)})">{inside}</g>'
    words = "".join(_mark_element(line_words, LOOKS[line_words.role]) for line_words in texts)
    return _svg_document(drawing, language, drawing.width + 2 * _EDGE, end + _LINE * len(below) + _EDGE, moved + words)


def _break_lines(text: str, width: float) -> list[str]:
    """Lines that fit into this many pixels at the size of a heading; wide letters count twice."""
    most = int(width / 10.5)
    lines, room = [""], most
    for word in text.split(" "):
        pieces = [word[start : start + most // 2] for start in range(0, len(word), most // 2)] or [""]
        for piece in pieces:
            wide = sum(2 if east_asian_width(sign) in "WF" else 1 for sign in piece) + 1
            if wide > room and lines[-1]:
                lines.append("")
                room = most
            lines[-1] += piece if not lines[-1] or piece is not pieces[0] else f" {piece}"
            room -= wide
    return [line for line in lines if line]


def _svg_document(drawing: Drawing, language: str, wide: float, tall: float, inside: str) -> str:
    width, height = _short_number(wide), _short_number(tall)
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' xml:lang="{escape(language)}" direction="ltr" font-family="{escape(FONT)}">'
        f"<title>{escape(drawing.title)}</title><desc>{escape(drawing.summary)}</desc>"
        f'<rect width="100%" height="100%" fill="{SHEET}"/>'
    )
    return f"{head}{inside}</svg>\n"


def _mark_element(mark: Mark, look: Mapping[str, str]) -> str:
    match mark:
        case Line():
            return _svg_element("line", {"x1": mark.x1, "y1": mark.y1, "x2": mark.x2, "y2": mark.y2}, look)
        case Box():
            corner_and_size = {"x": mark.x, "y": mark.y, "width": mark.width, "height": mark.height}
            return _svg_element("rect", corner_and_size, look, _title_element(mark.hint))
        case Dot():
            return _svg_element(
                "circle", {"cx": mark.x, "cy": mark.y, "r": mark.radius}, look, _title_element(mark.hint)
            )
        case Trace():
            steps = " ".join(f"{_short_number(x)},{_short_number(y)}" for x, y in mark.points)
            return _svg_element("polygon" if mark.closed else "polyline", {"points": steps}, look)
        case Words():
            anchor: dict[str, float | str] = {"x": mark.x, "y": mark.y, "dy": "0.35em", "text-anchor": mark.anchor}
            return _svg_element("text", anchor, look, escape(mark.text))


def _title_element(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _svg_element(name: str, geometry: Mapping[str, float | str], look: Mapping[str, str], inside: str = "") -> str:
    attributes = {key: value if isinstance(value, str) else _short_number(value) for key, value in geometry.items()}
    written = "".join(f' {key}="{escape(value)}"' for key, value in {**attributes, **look}.items())
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def _short_number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
