"""What templates need: the import map that stands in for a build step, and numbers in the form people read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from evalapp.core.navigation import LabLink, lab_links

register = template.Library()

_IMPORT = re.compile(r"""^(?:import|export)\s[^;]*?\bfrom\s+["']([^"']+)["']""", re.MULTILINE)


@register.simple_tag(takes_context=True)
def page_script(context: Context, page: str) -> SafeString:
    """The import map, preloads for all that `js/pages/PAGE.js` imports, and the page's script itself.

    Modules import each other by plain names ("logic/deck"); the map gives the hashed address of each.
    """
    modules = _modules()
    nonce = str(context["CSP_NONCE"])
    addresses = {name: static(f"js/{name}.js") for name in modules}
    start = f"pages/{page}"
    return format_html(
        '<script type="importmap" nonce="{}">{}</script>\n{}\n<script type="module" nonce="{}" src="{}"></script>',
        nonce,
        mark_safe(_script_json({"imports": addresses})),  # noqa: S308 - the addresses are ours, and escaped
        format_html_join(
            "\n", '<link rel="modulepreload" href="{}">', ((addresses[name],) for name in _needed_by(start))
        ),
        nonce,
        addresses[start],
    )


@register.simple_tag(takes_context=True)
def lab_navigation(context: Context) -> list[LabLink]:
    """The links of the lab, as they look from this page."""
    return lab_links(str(context["request"].path))


@register.filter
def percent(share: float | None, digits: int = 0) -> str:
    """0.654 as `65%`; a dash where there is no number."""
    return "—" if share is None else f"{100 * share:.{digits}f}%"


@register.filter
def length(share: float | None) -> str:
    """0.654 as `65.4%`, a length inside a drawing."""
    return f"{100 * min(1.0, max(0.0, share or 0.0)):.2f}%"


@register.filter
def grouped(number: int) -> str:
    """12345 as `12,345`."""
    return f"{number:,}"


@register.filter
def breakable(name: str) -> SafeString:
    """A contender's name that may go on in the next line after a dot or a colon, and nowhere else."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in re.findall(r"[^.:]*[.:]|[^.:]+$", name)))


@register.simple_tag
def axis_marks() -> list[str]:
    """Where a drawing of shares has its marks."""
    return [f"{mark}%" for mark in range(0, 101, 25)]


@register.filter
def control_of(standings: Iterable[Any]) -> Any:
    """The line of the random control among the standings, or None."""
    return next((line for line in standings if _value(line, "control")), None)


def _value(line: Any, name: str) -> Any:
    return line[name] if isinstance(line, dict) else getattr(line, name)


@cache
def _modules() -> dict[str, Path]:
    """Every module of the front end by its plain name; those of pages are started, never imported."""
    found: dict[str, Path] = {}
    for folder in map(Path, settings.STATICFILES_DIRS):
        root = folder / "js"
        found |= {path.relative_to(root).with_suffix("").as_posix(): path for path in sorted(root.rglob("*.js"))}
    return found


@cache
def _needed_by(page: str) -> tuple[str, ...]:
    """What a page imports, directly or not, so that the browser need not find it out step by step."""
    modules = _modules()
    needed: dict[str, None] = {}
    waiting = [page]
    while waiting:
        for name in _IMPORT.findall(modules[waiting.pop()].read_text(encoding="utf-8")):
            if name in modules and name not in needed:
                needed[name] = None
                waiting.append(name)
    return tuple(needed)


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
