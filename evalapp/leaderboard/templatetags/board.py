"""What the board's templates need: plots with their downloads, and numbers in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evalapp.catalog.renditions import picture_url, rendition_size
from evalapp.core import numbers
from evalapp.core.templatetags.frontend import breakable
from evalapp.leaderboard.figures import FIGURES, NARROW, WIDE
from evalapp.leaderboard.plots.heat import told, tone
from evalapp.leaderboard.plots.render import for_page
from evalapp.leaderboard.reading import Reading
from evalapp.leaderboard.services import Duel
from evalapp.leaderboard.words import (
    category_words,
    design_words,
    group_words,
    reason_words,
    score_words,
    voters_words,
    votes_words,
)
from evalapp.stats.planning import MOST

register = template.Library()


@register.inclusion_tag("leaderboard/figure.html")
def figure(reading: Reading, name: str, caption: str = "") -> dict[str, Any]:
    """A plot in two widths, of which the page shows the one that fits, with its downloads."""
    wide, narrow = FIGURES[name](reading, WIDE), FIGURES[name](reading, NARROW)
    drawn = wide is not None and narrow is not None
    return {
        "name": name,
        "drawn": drawn,
        "caption": caption,
        "slug": reading.study.slug,
        # Our own drawing, in which every word was escaped.
        "wide": mark_safe(for_page(wide, f"plot-{name}")) if wide else "",  # noqa: S308
        "narrow": mark_safe(for_page(narrow, f"plot-{name}-narrow")) if narrow else "",  # noqa: S308
    }


@register.inclusion_tag("leaderboard/downloads.html")
def downloads(reading: Reading, name: str, plot: bool = True) -> dict[str, Any]:
    """Links to the files of a table and its plot."""
    slug = reading.study.slug
    return {
        "name": name,
        "csv": reverse("board-table", args=(slug, name)),
        "svg": _plot_address(reading, name) if plot else "",
    }


def _plot_address(reading: Reading, name: str) -> str:
    score = reading.drawn_score if name == "labels" else None
    chosen = f"?score={score['key']}" if score else ""
    return f"{reverse('board-plot', args=(reading.study.slug, name))}{chosen}"


@register.simple_tag
def thumbnail(item: dict[str, Any], words: str) -> SafeString:
    """The picture of an example, small."""
    width, height = rendition_size(item["width"], item["height"])
    return format_html(
        '<img src="{}" width="{}" height="{}" alt="{}" loading="lazy" decoding="async">',
        picture_url(item["picture"]), width, height, words,
    )  # fmt: skip


@register.filter
def tone_of(duel: Duel | None) -> str:
    """The tint of a cell in the head-to-head table."""
    return tone(duel.better if duel else None)


@register.filter
def chance(duel: Duel) -> str:
    """A probability in per cent, never 0 or 100."""
    return numbers.per_cent(told(duel.better))


@register.filter
def points(share: float | None) -> str:
    """A difference of shares as percentage points with its sign: 0.034 as `+3.4`; a true minus for less."""
    return "—" if share is None else numbers.signed(100 * share, 1)


@register.filter
def decimals(value: float | None, digits: int = 2) -> str:
    """0.1234 as `0.12`; a dash where there is no number."""
    return "—" if value is None else numbers.number(value, digits)


@register.filter
def points_plain(share: float) -> str:
    """0.02 as `2 points`."""
    amount = numbers.shortest(100 * share)
    return ngettext("{number} point", "{number} points", 1 if amount == "1" else 2).format(number=amount)


@register.filter
def joined(names: Sequence[str]) -> SafeString:
    """Names in a row: `a, b and c`."""
    told_so_far = _strong(names[0])
    for name in names[1:-1]:
        told_so_far = format_html(_("{some}, {next}"), some=told_so_far, next=_strong(name))
    if len(names) > 1:
        told_so_far = format_html(_("{some} and {last}"), some=told_so_far, last=_strong(names[-1]))
    return told_so_far


register.filter("category", category_words)
register.filter("votes_counted", votes_words)
register.filter("voters_counted", voters_words)
register.filter("design", design_words)
register.filter("reason", reason_words)
register.filter("score_label", score_words)


@register.filter
def group_label(group: dict[str, Any]) -> SafeString:
    """What the examples of a group are examples of."""
    return group_words(group, breakable)


@register.filter
def rest(share: float) -> float:
    """What is missing to the whole."""
    return 1 - share


@register.filter
def at(sequence: Sequence[Any], index: int) -> Any:
    """The entry of a sequence at an index."""
    return sequence[index]


@register.filter
def votes_or_never(votes: int | None) -> str:
    """12345 as `12,345`; None as what nobody will cast."""
    if votes is None:
        return _("more than {number}").format(number=numbers.number(MOST))
    return numbers.number(votes)


@register.filter
def more_than(votes: int | None, now: int) -> str:
    """How many are still to come."""
    return "—" if votes is None else numbers.number(max(0, votes - now))


def _strong(name: str) -> SafeString:
    return format_html("<strong>{}</strong>", breakable(name))
