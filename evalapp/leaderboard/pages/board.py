"""The board itself, its plots and tables as files, and how all of it is computed."""

from __future__ import annotations

from http import HTTPStatus
from itertools import pairwise
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from evalapp.leaderboard.domain.label_keys import NO_CATEGORY
from evalapp.leaderboard.domain.publication_steps import FEWEST_VOTERS, FEWEST_VOTES
from evalapp.leaderboard.pages.board_access import file_of, reading_for
from evalapp.leaderboard.pages.board_view import Reading
from evalapp.leaderboard.pages.figures import FIGURES, caption_of, ceiling_of, draw_figure
from evalapp.leaderboard.pages.tables import TABLES, as_csv
from evalapp.leaderboard.services import Duel
from evalapp.plots.svg_render import as_file
from evalapp.studies.domain.question_texts import in_their_language

_ROWS_SHOWN = 12


@require_safe
def show_board(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The standings and all that stands behind them; where they are private, visitors learn of no such page.

    Asked again with the tag of what somebody has, it answers that nothing changed: the page keeps itself up to date.
    """
    reading = reading_for(request, slug)
    tag = f'"{reading.version()}"'
    answer = get_conditional_response(request, etag=tag) or render(
        request, "leaderboard/board.html", {**_board_context(reading), "tag": tag, "is_operator": reading.operator}
    )
    return keep_private(answer, tag)


@require_safe
def download_plot(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """A plot as an SVG file that stands alone."""
    reading = reading_for(request, slug)
    drawing = draw_figure(reading, name) if name in FIGURES else None
    if drawing is None:
        raise Http404(f"There is no plot {name}.")
    text = as_file(drawing, get_language() or "en", caption_of(reading, drawing))
    return file_of(text, "image/svg+xml", f"{slug}-{name}.svg")


@require_safe
def download_table(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """A table as CSV."""
    reading = reading_for(request, slug)
    if name not in TABLES:
        raise Http404(f"There is no table {name}.")
    return file_of(as_csv(TABLES[name](reading)), "text/csv; charset=utf-8", f"{slug}-{name}.csv")


@require_safe
def show_letter(request: HttpRequest, slug: str) -> HttpResponse:
    """The decision on one page, for who reads it once: to be printed or sent."""
    reading = reading_for(request, slug)
    context = {
        "reading": reading,
        "study": reading.study,
        "question": in_their_language(reading.study.question),
        "board": reading.board,
        "rivals": rivals_of(reading),
        "now": timezone.now(),
    }
    return render(request, "leaderboard/letter.html", context)


@require_safe
def show_method(request: HttpRequest) -> HttpResponse:
    """How the numbers are computed."""
    return render(request, "leaderboard/method.html")


def keep_private(answer: HttpResponseBase, tag: str) -> HttpResponseBase:
    """Kept by nobody but the visitor's own browser, and asked for again each time."""
    answer.headers["ETag"] = tag
    patch_cache_control(answer, private=True, no_cache=True)
    if answer.status_code == HTTPStatus.NOT_MODIFIED:
        # Firefox lays the headers of this answer over those of the page that it keeps, whose scripts have a nonce.
        answer._csp_exempt = True  # type: ignore[attr-defined]  # noqa: SLF001 - as the policy's decorators do
    return answer


def _board_context(reading: Reading) -> dict[str, Any]:
    """What the page's parts ask for, by name."""
    report, duels = reading.report, reading.duels
    names = duels.contenders
    return {
        "reading": reading,
        "study": reading.study,
        "question": in_their_language(reading.study.question),
        "board": reading.board,
        "first_step": {"votes": FEWEST_VOTES, "voters": FEWEST_VOTERS},
        "duels": duels,
        "rivals": rivals_of(reading),
        "neighbours": [duels.duel_of(first, second) for first, second in pairwise(names)],
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


def rivals_of(reading: Reading) -> Duel | None:
    """The winner, or who is in front, against the best of the others in the race; None where nothing can be said."""
    first = reading.board.decision.leader
    if first is None:
        return None
    others = (line.contender for line in reading.board.standings if line.is_rival and line.contender != first)
    second = next(others, None)
    duel = reading.duels.duel_of(first, second) if second else None
    return duel if duel and duel.compared and duel.high - duel.low < 1 else None


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
    report = reading.report.get("categories") or {}
    cells = {(cell["category"], cell["contender"]): cell for cell in report.get("cells", [])}
    contenders = [line.contender for line in reading.board.standings]
    names = list(dict.fromkeys(category for category, _ in cells))
    queries = {name or NO_CATEGORY: count for name, count in report.get("queries", {}).items()}
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
    values = [{point["contender"]: point for point in score["points"]} for score in scores]
    return [
        {
            "place": rank,
            "contender": line.contender,
            "approval": line.approval,
            "values": [point_of.get(line.contender) for point_of in values],
        }
        for rank, line in enumerate(reading.board.standings, start=1)
        if any(line.contender in point_of for point_of in values)
    ]
