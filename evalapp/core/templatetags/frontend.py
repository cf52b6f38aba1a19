"""What templates need: the import map that stands in for a build step, and numbers in the form people read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from evalapp.core.domain.navigation import LabLink, lab_links
from evalapp.core.domain.script_modules import bundle_path, needed_by
from evalapp.core.domain.style_sheets import SHEETS, sheet_path
from evalapp.core.domain.values import localised_numbers
from evalapp.core.domain.values.durations import in_words
from evalapp.core.services.static_files import has_bundle
from evalapp.plots.marks import Drawing
from evalapp.plots.svg_render import for_page

register = template.Library()


@register.simple_tag(takes_context=True)
def page_script(context: Context, page: str) -> SafeString:
    """The page's script in one file where files were collected; else the import map for what `js/pages/PAGE.js`
    imports, preloads of it, and the script itself.

    Modules import each other by plain names ("logic/deck"); the map gives the address of each.
    """
    nonce = str(context["CSP_NONCE"])
    if has_bundle(bundle_path(page)):
        return format_html('<script type="module" nonce="{}" src="{}"></script>', nonce, static(bundle_path(page)))
    start = f"pages/{page}"
    needed = needed_by(start)
    addresses = {name: static(f"js/{name}.js") for name in (start, *needed)}
    return format_html(
        '<script type="importmap" nonce="{}">{}</script>\n{}\n<script type="module" nonce="{}" src="{}"></script>',
        nonce,
        mark_safe(_script_json({"imports": addresses})),  # noqa: S308 - the addresses are ours, and escaped
        format_html_join("\n", '<link rel="modulepreload" href="{}">', ((addresses[name],) for name in needed)),
        nonce,
        addresses[start],
    )


@register.simple_tag
def page_styles(page: str) -> SafeString:
    """The style sheets of a page of SHEETS: in one file where files were collected."""
    paths = [sheet_path(page)] if has_bundle(sheet_path(page)) else [f"css/{name}.css" for name in SHEETS[page]]
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(path),) for path in paths))


@register.simple_tag(takes_context=True)
def lab_navigation(context: Context) -> list[LabLink]:
    """The links of the lab, as they look from this page."""
    return lab_links(str(context["request"].path))


@register.simple_tag
def drawing(drawn: Drawing, number: int = 1, *, own_size: bool = False) -> SafeString:
    """A drawing of the plots' kit; `number` tells drawings of one name on one page apart."""
    # The kit escapes every word.
    return mark_safe(for_page(drawn, f"{drawn.name}-{number}", own_size=own_size))  # noqa: S308


@register.filter
def percent(share: float | str | None, digits: int = 0) -> str:
    """0.654 as `65%`; a dash where there is no number, which to a template is an empty text."""
    return "—" if share is None or isinstance(share, str) else localised_numbers.share(share, digits)


@register.filter
def drawn_length(share: float | None) -> str:
    """0.654 as `65.4%`, a length inside a drawing."""
    return f"{100 * min(1.0, max(0.0, share or 0.0)):.2f}%"


@register.filter
def grouped(number: int) -> str:
    """12345 as `12,345`."""
    return localised_numbers.number(number)


@register.filter
def moment(when: datetime) -> str:
    """Day and minute, in UTC, as the language writes them."""
    return localised_numbers.moment(when)


@register.filter
def pace(speed: float | None, unit: str) -> str:
    """12.34 and `pictures` as `12 pictures/s`; a dash where nothing is known."""
    return "—" if speed is None else f"{speed:,.{0 if speed >= 10 else 1}f} {unit}/s"


@register.filter
def duration(seconds: float | None) -> str:
    """75.3 as `1 min 15 s`; a dash where nothing is known."""
    return "—" if seconds is None else in_words(seconds)


@register.filter
def breakable(name: str) -> SafeString:
    """A contender's name that may go on in the next line after a dot or a colon, and nowhere else."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in re.findall(r"[^.:]*[.:]|[^.:]+$", name)))


@register.filter
def counted(row: Any, name: str) -> int:
    """A number that a row counts by name, such as the new pictures of an import."""
    return int(row.count(name))


@register.simple_tag
def axis_marks() -> list[float]:
    """Where a drawing of shares has its marks."""
    return [0.0, 0.25, 0.5, 0.75, 1.0]


@register.simple_tag
def own_languages() -> list[tuple[str, str]]:
    """Every language with the name that its own speakers give it, whatever the page's language is."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


@register.filter
def control_of(standings: Iterable[Any]) -> Any:
    """The line of the random control among the standings, or None."""
    return next((line for line in standings if _field_value(line, "control")), None)


def _field_value(line: Any, name: str) -> Any:
    return line[name] if isinstance(line, dict) else getattr(line, name)


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
