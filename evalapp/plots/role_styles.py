"""How each role looks in a file that stands alone: ink on white, as attributes that every program understands.

On a page the same roles are styled by `css/components/plot.css`, light or dark.
"""

from __future__ import annotations

INK, SOFT, RULE, DOPE, NOPE, SUN, SHEET = "#2b1b31", "#6a5a6e", "#e6d7be", "#3ccf8e", "#ff7a66", "#ffc93d", "#ffffff"
DEEP = ("#0b7a4b", "#c2321f", "#2f6df6", "#8a6100", SOFT)
"""Colours of a series' lines in order: dark enough for a thin line on white."""
FONT = "ui-rounded, Nunito, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

LOOKS: dict[str, dict[str, str]] = {
    "grid": {"stroke": RULE, "stroke-width": "1"},
    "axis": {"fill": SOFT, "font-size": "12", "font-weight": "600"},
    "heading": {"fill": INK, "font-size": "20", "font-weight": "800"},
    "subtitle": {"fill": SOFT, "font-size": "15", "font-weight": "700"},
    "watermark": {"fill": NOPE, "fill-opacity": "0.35", "font-size": "56", "font-weight": "800"},
    "name": {"fill": INK, "font-size": "13", "font-weight": "700"},
    "value": {"fill": INK, "font-size": "13", "font-weight": "700"},
    "note": {"fill": SOFT, "font-size": "12"},
    "whisker": {"stroke": INK, "stroke-width": "3", "stroke-linecap": "round"},
    "whisker-soft": {"stroke": SOFT, "stroke-width": "2", "stroke-dasharray": "5 5", "stroke-linecap": "round"},
    "whisker-thin": {"stroke": SOFT, "stroke-width": "1.5"},
    "dot": {"fill": SUN, "stroke": INK, "stroke-width": "2.5"},
    "dot-first": {"fill": DOPE, "stroke": INK, "stroke-width": "2.5"},
    "dot-control": {"fill": SHEET, "stroke": SOFT, "stroke-width": "2.5"},
    "dot-raw": {"fill": "none", "stroke": SOFT, "stroke-width": "2"},
    "dot-label": {"fill": INK, "font-size": "11", "font-weight": "800"},
    "floor": {"fill": SOFT, "fill-opacity": "0.14"},
    "ceiling": {"fill": SUN, "fill-opacity": "0.28"},
    "mean": {"stroke": INK, "stroke-width": "1.5", "stroke-dasharray": "2 4"},
    "band": {"fill": SUN, "fill-opacity": "0.45"},
    "curve": {"fill": "none", "stroke": INK, "stroke-width": "2.5", "stroke-linejoin": "round"},
    "moment": {"fill": INK},
    "curve-soft": {"fill": "none", "stroke": RULE, "stroke-width": "1.5", "stroke-linejoin": "round"},
    "box": {"fill": SHEET, "stroke": INK, "stroke-width": "2"},
    "box-soft": {"fill": RULE, "stroke": INK, "stroke-width": "2"},
    "link": {"fill": "none", "stroke": SOFT, "stroke-width": "2"},
    "cell-0": {"fill": NOPE, "fill-opacity": "0.85"},
    "cell-1": {"fill": NOPE, "fill-opacity": "0.4"},
    "cell-2": {"fill": SOFT, "fill-opacity": "0.1"},
    "cell-3": {"fill": DOPE, "fill-opacity": "0.4"},
    "cell-4": {"fill": DOPE, "fill-opacity": "0.9"},
    "cell-none": {"fill": "none"},
}
_DASHES = ("", "6 4", "2 3", "10 4", "8 3 2 3")
LOOKS |= {
    f"series-{number}": {
        "fill": "none",
        "stroke": colour,
        "stroke-width": "2.5",
        "stroke-linejoin": "round",
        **({"stroke-dasharray": dashes} if dashes else {}),
    }
    for number, (colour, dashes) in enumerate(zip(DEEP, _DASHES, strict=True))
}
LOOKS |= {f"group-{number}": {"fill": colour} for number, colour in enumerate((*DEEP, DOPE, NOPE, INK))}
