"""The board itself, its plots and tables as files, and how all of it is computed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from evalapp.leaderboard.figures import FIGURES, WIDE, ceiling_of
from evalapp.leaderboard.pages.shared import file_of, reading_for
from evalapp.leaderboard.plots.render import as_file
from evalapp.leaderboard.reading import Reading
from evalapp.leaderboard.tables import TABLES, as_csv
from evalapp.leaderboard.words import NO_CATEGORY
from evalapp.studies.words import in_their_language

_ROWS_SHOWN = 12


@require_safe
def leaderboard(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The standings and all that stands behind them; where they are private, visitors learn of no such page.

    Asked again with the tag of what somebody has, it answers that nothing changed: the page keeps itself up to date.
    """
    reading = reading_for(request, slug)
    tag = f'"{reading.version()}"'
    answer = get_conditional_response(request, etag=tag) or render(
        request, "leaderboard/board.html", {**_shown(reading), "tag": tag, "is_operator": reading.operator}
    )
    return _private(answer, tag)


@require_safe
def plot(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """A plot as an SVG file that stands alone."""
    reading = reading_for(request, slug)
    drawing = FIGURES[name](reading, WIDE) if name in FIGURES else None
    if drawing is None:
        raise Http404(f"There is no plot {name}.")
    return file_of(as_file(drawing, get_language() or "en"), "image/svg+xml", f"{slug}-{name}.svg")


@require_safe
def table(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """A table as CSV."""
    reading = reading_for(request, slug)
    if name not in TABLES:
        raise Http404(f"There is no table {name}.")
    return file_of(as_csv(TABLES[name](reading)), "text/csv; charset=utf-8", f"{slug}-{name}.csv")


@require_safe
def method(request: HttpRequest) -> HttpResponse:
    """How the numbers are computed."""
    return render(request, "leaderboard/method.html")


def _private(answer: HttpResponseBase, tag: str) -> HttpResponseBase:
    """Kept by nobody but the visitor's own browser, and asked for again each time."""
    answer.headers["ETag"] = tag
    patch_cache_control(answer, private=True, no_cache=True)
    return answer


def _shown(reading: Reading) -> dict[str, Any]:
    """What the page's parts ask for, by name."""
    report, duels = reading.report, reading.duels
    names = duels.contenders
    return {
        "reading": reading,
        "study": reading.study,
        "question": in_their_language(reading.study.question),
        "board": reading.board,
        "duels": duels,
        "neighbours": [duels.of(first, second) for first, second in pairwise(names)],
        "archived": set(reading.study.contenders.exclude(archived_at=None).values_list("name", flat=True)),
        "ceiling": ceiling_of(reading),
        "course": reading.course,
        "course_rows": _course_rows(reading),
        "strengths": report.get("strengths") or {},
        "categories": report.get("categories") or {},
        "category_table": _category_table(reading),
        "offline": report.get("offline") or {},
        "label_rows": _label_rows(reading),
        "examples": report.get("examples") or {},
        "sampling": report.get("sampling") or {},
        "robustness": report.get("robustness") or {},
        "agreement": report.get("agreement") or {},
        "report_made_at": report.get("made_at"),
        "report_votes": report.get("votes", 0),
    }


def _course_rows(reading: Reading) -> list[dict[str, Any]]:
    """The newest snapshots first, their cells in the order of the board."""
    rows = []
    for snapshot in reading.course[: -_ROWS_SHOWN - 1 : -1]:
        lines = {line["contender"]: line for line in snapshot.document["standings"]}
        cells = [lines.get(line.contender, {}) for line in reading.board.standings]
        rows.append({"votes": snapshot.votes, "made_at": snapshot.made_at, "cells": cells})
    return rows


def _category_table(reading: Reading) -> dict[str, Any]:
    """A row per category, a cell per contender in the order of the board."""
    found = reading.report.get("categories") or {}
    cells = {(cell["category"], cell["contender"]): cell for cell in found.get("cells", [])}
    contenders = [line.contender for line in reading.board.standings]
    names = list(dict.fromkeys(category for category, _ in cells))
    queries = {name or NO_CATEGORY: count for name, count in found.get("queries", {}).items()}
    rows = [
        {
            "category": name,
            "queries": queries.get(name, 0),
            "cells": [cells.get((name, contender), {}) for contender in contenders],
        }
        for name in names
    ]
    return {"contenders": contenders, "rows": rows}


def _label_rows(reading: Reading) -> list[dict[str, Any]]:
    """A row per contender that has an automatic score, in the order of the board."""
    scores = (reading.report.get("offline") or {}).get("scores", [])
    values = [{point["contender"]: point["value"] for point in score["points"]} for score in scores]
    return [
        {
            "place": place,
            "contender": line.contender,
            "approval": line.approval,
            "values": [known.get(line.contender) for known in values],
        }
        for place, line in enumerate(reading.board.standings, start=1)
        if any(line.contender in known for known in values)
    ]
