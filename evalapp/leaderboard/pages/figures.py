"""The board's plots by name, each out of what one look at the board reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from evalapp.core.domain.values import localised_numbers
from evalapp.leaderboard.pages.board_view import Reading
from evalapp.leaderboard.pages.labels import (
    category_words,
    drawing_phrases,
    score_title,
    score_words,
    voters_words,
    votes_words,
)
from evalapp.leaderboard.services import Standing
from evalapp.plots.curves import Course, Moment, draw_courses
from evalapp.plots.heat import draw_heat
from evalapp.plots.marks import Drawing
from evalapp.plots.scales import shares_around
from evalapp.plots.scatter import Point, draw_scatter
from evalapp.plots.svg_render import Caption, stamp_drawing
from evalapp.plots.whiskers import Reference, Whisker, draw_whiskers
from evalapp.studies.domain.question_texts import in_their_language

WIDE, NARROW = 720.0, 340.0
_MOST_COURSES = 12


def draw_standings(reading: Reading, width: float = WIDE) -> Drawing | None:
    """Everybody's approval with its interval, best first."""
    lines = reading.board.standings
    control = next((line for line in lines if line.control), None)
    reference = Reference(floor=control.approval if control else None, ceiling=ceiling_of(reading))
    rows = [Whisker(line.contender, line.approval, line.low, line.high, _whisker_kind(line)) for line in lines]
    summary = _(
        "Approval and {confidence} interval of every contender, best first; the table beside it has the same numbers."
    ).format(confidence=_confidence_words(reading))
    return draw_whiskers(
        "standings", _("Approval"), summary, rows, reference=reference, width=width, phrases=drawing_phrases()
    )


def ceiling_of(reading: Reading) -> float | None:
    """What known duplicates get, where gold was asked for."""
    gold = reading.report.get("agreement", {}).get("gold") or {}
    value = gold.get("duplicates_liked")
    return float(value) if value is not None else None


def draw_duels(reading: Reading, width: float = WIDE) -> Drawing | None:
    """The probability that each row is better than each column."""
    matrix = reading.duels
    if len(matrix.contenders) < 2 or not reading.board.votes:
        return None
    shares = [[None if duel is None else duel.better for duel in row] for row in matrix.duels]
    summary = _("Per cent probability that the row is better than the column; rows and columns best first.")
    names = matrix.contenders
    sure = [[matrix.relative_evidence(row, column) for column in names] for row in names]
    return draw_heat(
        "head-to-head", _("Head to head"), summary, names, shares, sure, width=width, phrases=drawing_phrases()
    )


def over_time(reading: Reading, width: float = WIDE) -> Drawing | None:
    """Approval after every snapshot, with the band that holds at every moment."""
    lines: dict[str, list[Moment]] = {line.contender: [] for line in reading.board.standings[:_MOST_COURSES]}
    for snapshot in reading.course:
        for line in snapshot.document["standings"]:
            if line["contender"] in lines and line["approval"] is not None:
                moment = Moment(snapshot.votes, line["approval"], line["low"], line["high"])
                lines[line["contender"]].append(moment)
    shown_courses = [
        Course(name, tuple(moments)) for name, moments in lines.items() if len({one.votes for one in moments}) > 1
    ]
    if not shown_courses:
        return None
    summary = _(
        "Approval after so many votes, a panel for each contender; the band is its {confidence} confidence sequence."
    ).format(confidence=_confidence_words(reading))
    return draw_courses(
        "over-time", _("Approval over time"), summary, shown_courses, width=width, phrases=drawing_phrases()
    )


def draw_strengths(reading: Reading, width: float = WIDE) -> Drawing | None:
    """How often each is found closer than an average contender, where people choose between two."""
    lines = (reading.report.get("strengths") or {}).get("lines", [])
    if not lines:
        return None
    rows = [
        Whisker(
            line["contender"], line["strength"], line["low"], line["high"], "control" if line["control"] else "plain"
        )
        for line in lines
    ]
    summary = _(
        "Chance to be found closer than an average contender, with its {confidence} interval; "
        "the line is an even chance."
    ).format(confidence=_confidence_words(reading))
    even = Reference(mean=0.5)
    return draw_whiskers(
        "strengths", _("Strengths"), summary, rows, reference=even, width=width, phrases=drawing_phrases()
    )


def draw_categories(reading: Reading, width: float = WIDE) -> Drawing | None:
    """The leader's approval in every category: drawn towards the whole where little is known, interval unpooled."""
    report: dict[str, Any] = reading.report.get("categories") or {}
    leader = next((line for line in reading.board.standings if line.is_rival), None)
    cells = [cell for cell in report.get("cells", []) if leader and cell["contender"] == leader.contender]
    if leader is None or len(cells) < 2:
        return None
    rows = [
        Whisker(_category_label(cell), cell["pooled"], cell["low"], cell["high"], raw=cell["approval"])
        for cell in cells
    ]
    title = _("{name} by category").format(name=leader.contender)
    summary = _(
        "Pooled approval (filled), approval on its own (hollow) and its {confidence} interval; votes in brackets."
    ).format(confidence=_confidence_words(reading))
    whole = Reference(mean=leader.approval)
    return draw_whiskers("categories", title, summary, rows, reference=whole, width=width, phrases=drawing_phrases())


def draw_labels(reading: Reading, width: float = WIDE) -> Drawing | None:
    """What people like against what labels say."""
    score = reading.drawn_score
    return _draw_against(reading, score, width) if score else None


def without_one(reading: Reading, width: float = WIDE) -> Drawing | None:
    """Approval with how far it moves when any one voter is left out."""
    all_lines = (reading.report.get("robustness") or {}).get("without_one", [])
    lines = [line for line in all_lines if line["low"] is not None and line["high"] is not None]
    if not lines:
        return None
    rows = [Whisker(line["contender"], line["approval"], line["low"], line["high"]) for line in lines]
    ends = shares_around([edge for line in lines for edge in (line["low"], line["high"])])
    title = _("Without any one voter")
    summary = _("Approval, and the lowest and highest it becomes without any one voter.")
    none = Reference()
    return draw_whiskers(
        "without-one", title, summary, rows, reference=none, axis=ends, width=width, phrases=drawing_phrases()
    )


def caption_of(reading: Reading, drawing: Drawing) -> Caption:
    """What a drawing needs to stand on a slide: whose it is, of how many votes, from when, and what its axes are."""
    board = reading.board
    when = reading.published_at or timezone.now()
    counted = f"{votes_words(board.votes)} · {voters_words(board.voters)} · {localised_numbers.moment(when)} UTC"
    heading = f"{reading.study.title}: {in_their_language(reading.study.question)}"
    return Caption(heading, AXES[drawing.name](), counted)


def draw_figure(reading: Reading, name: str, width: float = WIDE) -> Drawing | None:
    """The plot of this name, stamped where votes are made up; None while there is nothing to draw."""
    drawing = FIGURES[name](reading, width)
    return stamp_drawing(drawing, _("Rehearsal")) if drawing and reading.board.is_rehearsal else drawing


def _draw_against(reading: Reading, score: dict[str, Any], width: float) -> Drawing | None:
    standing = {line.contender: line for line in reading.board.standings}
    points = []
    for entry in score["points"]:
        line = standing.get(entry["contender"])
        if line is not None and line.approval is not None:
            x = (entry["value"], entry["low"], entry["high"])
            label = str(1 + list(standing).index(line.contender))
            points.append(Point(label, line.contender, x, (line.approval, line.low, line.high), line.control))
    if len(points) < 2:
        return None
    points.sort(key=lambda point: int(point.label))
    summary = _("Each dot is a contender by its place on the board, with both intervals.")
    return draw_scatter(
        "labels",
        score_title(score),
        summary,
        points,
        x_name=score_words(score),
        y_name=_("Approval"),
        width=width,
        phrases=drawing_phrases(),
    )


def _confidence_words(reading: Reading) -> str:
    """With what probability intervals hold."""
    return localised_numbers.share(1 - reading.board.alpha)


def _category_label(cell: dict[str, Any]) -> str:
    return f"{category_words(cell['category'])} ({localised_numbers.number(cell['votes'])})"


def _whisker_kind(line: Standing) -> Any:
    return "control" if line.control else "first" if line.rank_worst == 1 else "plain"


AXES: dict[str, Callable[[], str]] = {
    "standings": lambda: _("Share of dope; whiskers are 95% intervals that hold at every moment"),
    "head-to-head": lambda: _("Per cent probability that the row is better than the column"),
    "over-time": lambda: _("Across: votes. Up: share of dope, with its 95% interval"),
    "strengths": lambda: _("How often it is found closer than an average contender, with 95% intervals"),
    "categories": lambda: _("Share of dope in each category, with 95% intervals"),
    "labels": lambda: _("Across: the automatic score. Up: share of dope. Both with 95% intervals"),
    "without-one": lambda: _("Share of dope; from the least to the most without any one voter"),
}
"""What the axes of each drawing show."""

FIGURES: dict[str, Callable[[Reading, float], Drawing | None]] = {
    "standings": draw_standings,
    "head-to-head": draw_duels,
    "over-time": over_time,
    "strengths": draw_strengths,
    "categories": draw_categories,
    "labels": draw_labels,
    "without-one": without_one,
}
"""By the name in addresses; None while there is nothing to draw."""
