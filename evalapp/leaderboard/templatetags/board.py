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

from evalapp.catalog.services.renditions import picture_url, rendition_size
from evalapp.core.domain.values import localised_numbers
from evalapp.core.templatetags.frontend import breakable
from evalapp.leaderboard.pages.board_view import Reading
from evalapp.leaderboard.pages.explanations import EXPLANATIONS
from evalapp.leaderboard.pages.figures import NARROW, WIDE, draw_figure
from evalapp.leaderboard.pages.labels import (
    category_words,
    design_words,
    group_words,
    reason_words,
    score_words,
    voters_words,
    votes_words,
)
from evalapp.leaderboard.services import Acceptance, Board, Decision, Duel, HeadToHead
from evalapp.plots.heat import cell_tone, honest_percent
from evalapp.plots.svg_render import for_page
from evalapp.stats.planning import MOST
from evalapp.studies.models import Study

register = template.Library()


@register.inclusion_tag("leaderboard/figure.html")
def figure(reading: Reading, name: str, caption: str = "") -> dict[str, Any]:
    """A plot in two widths, of which the page shows the one that fits, with its downloads."""
    wide, narrow = draw_figure(reading, name, WIDE), draw_figure(reading, name, NARROW)
    return {
        "name": name,
        "drawn": wide is not None and narrow is not None,
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


@register.inclusion_tag("leaderboard/explain.html")
def explain(*keys: str) -> dict[str, Any]:
    """Words that are explained when they are tapped; each key once per page."""
    explanations = [(key, *EXPLANATIONS[key]()) for key in keys]
    return {"explained": [{"id": f"what-{key}", "title": title, "text": text} for key, title, text in explanations]}


@register.simple_tag
def advice(board: Board, study: Study) -> SafeString:
    """What to do next, in a sentence."""
    decision = board.decision
    next_step = board.advice(is_open=study.is_open)
    if next_step == "use":
        text = _("Use {name}. The study can be closed: more votes make the numbers sharper and change no winner.")
        closed = _("Use {name}.")
        return format_html(text if study.is_open else closed, name=breakable(decision.winner or ""))
    if next_step == "use_any":
        names = joined(decision.practically_best)
        if len(decision.practically_best) == 1:
            return format_html(_("{name} will do. Go on only if you need the very best."), name=names)
        return format_html(
            _("Any of {names} will do: take the cheapest. Go on only if you need the very best."), names=names
        )
    sentences = {
        "use_cheaper": _("The votes do not tell them apart: take the cheapest, or ask again in another round."),
        "tie": _("Call it a tie and take the cheapest: telling them apart takes more votes than it is worth."),
        "end_rehearsal": _("Set the made-up votes aside and invite people: only what people say decides."),
        "invite": _("Invite more people."),
    }
    return format_html("{}", sentences[next_step])


@register.simple_tag
def acceptance_verdict(one: Acceptance) -> SafeString:
    """Who would do for somebody who accepts so much less than the best."""
    if not one.names:
        return format_html("{}", _("Nobody is sure yet."))
    if one.margin == 0:
        return format_html(_("{name} is the best."), name=joined(one.names))
    return format_html(ngettext("{names} will do.", "Any of {names} will do.", len(one.names)), names=joined(one.names))


@register.simple_tag
def acceptance_votes(one: Acceptance) -> str:
    """How many more votes it takes."""
    if one.names:
        return _("No more votes are needed.")
    if one.votes is None:
        return _("More votes than anybody will cast.")
    if one.high is None:
        text = _("About {votes} more, at least {low} in three of four such cases.")
        return text.format(votes=votes_words(one.votes), low=localised_numbers.number(one.low or 0))
    low, high = (localised_numbers.number(value or 0) for value in (one.low, one.high))
    text = _("About {votes} more, {low} to {high} in half of all such cases.")
    return text.format(votes=votes_words(one.votes), low=low, high=high)


@register.filter
def nearest_to(acceptances: Sequence[Acceptance], margin: float) -> int:
    """The place of the entry that is nearest to this margin."""
    return min(range(len(acceptances)), key=lambda place: abs(acceptances[place].margin - margin))


@register.filter
def last_place(sequence: Sequence[Any]) -> int:
    """The index of the last entry."""
    return len(sequence) - 1


@register.simple_tag
def likes(pair: dict[str, Any]) -> str:
    """How many of those who judged a pair said dope."""
    dope, all_of_them = (localised_numbers.number(count) for count in (pair["dope"], pair["dope"] + pair["nope"]))
    return _("{dope} of {all} dope").format(dope=dope, all=all_of_them)


def _plot_address(reading: Reading, name: str) -> str:
    score = reading.drawn_score if name == "labels" else None
    query = f"?score={score['key']}" if score else ""
    return f"{reverse('board-plot', args=(reading.study.slug, name))}{query}"


@register.simple_tag
def thumbnail(item: dict[str, Any], text: str) -> SafeString:
    """The picture of an example, small."""
    width, height = rendition_size(item["width"], item["height"])
    return format_html(
        '<img src="{}" width="{}" height="{}" alt="{}" loading="lazy" decoding="async">',
        picture_url(item["picture"]), width, height, text,
    )  # fmt: skip


@register.filter
def tone_of(duel: Duel, duels: HeadToHead) -> str:
    """The tint of a cell in the head-to-head table: by the evidence that decides."""
    return cell_tone(duels.relative_evidence(duel.first, duel.second))


@register.filter
def chance(duel: Duel) -> str:
    """A probability in per cent, never 0 or 100; of two that were never compared there is none."""
    if not duel.compared:
        return _("not compared yet")
    return localised_numbers.per_cent(honest_percent(duel.better))


@register.filter
def points(share: float | None) -> str:
    """A difference of shares as percentage points with its sign: 0.034 as `+3.4`; a true minus for less."""
    return "—" if share is None else localised_numbers.signed(100 * share, 1)


@register.filter
def of_hundred(share: float) -> str:
    """So many of a hundred people: 0.034 as `3`, with a true minus for fewer."""
    whole = round(100 * share)
    return localised_numbers.signed(whole, 0) if whole < 0 else localised_numbers.number(whole)


@register.filter
def strong(name: str) -> SafeString:
    """A name, set off."""
    return _strong_name(name)


@register.simple_tag
def decision_reason(decision: Decision) -> SafeString:
    """Why there is no winner yet: the condition that is not met."""
    leader, rivals = _strong_name(decision.leader or ""), decision.missing.rivals
    closest = _strong_name(rivals[0]) if rivals else ""
    if decision.reason == "rehearsal":
        text = _("Made-up votes decide nothing. If they were real, {leader} would win.")
        other = _("Made-up votes decide nothing. {leader} is in front in them.")
        return format_html(text if decision.kind else other, leader=leader)
    if decision.reason == "too_few_contenders":
        return format_html("{}", _("One contender alone cannot win: a second one is needed."))
    if decision.reason == "too_few_voters":
        people = decision.missing.voters
        text = ngettext(
            "Nothing is decided before 20 people have voted: {number} more person is needed.",
            "Nothing is decided before 20 people have voted: {number} more people are needed.",
            people,
        )
        return format_html(text, number=localised_numbers.number(people))
    if decision.reason == "not_compared":
        return format_html(
            _("{leader} leads. {rival} entered late and has not been compared with it yet."),
            leader=leader,
            rival=closest,
        )
    if decision.reason == "too_few_heavy":
        text = _("The votes speak for {leader}, but a few people cast most of them: others have to vote, too.")
        return format_html(text, leader=leader)
    if len(rivals) == 1:
        return format_html(_("{leader} leads; {rival} is not beaten yet."), leader=leader, rival=closest)
    text = ngettext(
        "{leader} leads; {rival} and {number} other are not beaten yet.",
        "{leader} leads; {rival} and {number} others are not beaten yet.",
        len(rivals) - 1,
    )
    return format_html(text, leader=leader, rival=closest, number=localised_numbers.number(len(rivals) - 1))


@register.filter
def decimals(value: float | None, digits: int = 2) -> str:
    """0.1234 as `0.12`; a dash where there is no number."""
    return "—" if value is None else localised_numbers.number(value, digits)


@register.filter
def points_plain(share: float) -> str:
    """0.02 as `2 points`."""
    amount = localised_numbers.shortest(100 * share)
    return ngettext("{number} point", "{number} points", 1 if amount == "1" else 2).format(number=amount)


@register.filter
def joined(names: Sequence[str]) -> SafeString:
    """Names in a row: `a, b and c`."""
    told_so_far = _strong_name(names[0])
    for name in names[1:-1]:
        told_so_far = format_html(_("{some}, {next}"), some=told_so_far, next=_strong_name(name))
    if len(names) > 1:
        told_so_far = format_html(_("{some} and {last}"), some=told_so_far, last=_strong_name(names[-1]))
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
        return _("more than {number}").format(number=localised_numbers.number(MOST))
    return localised_numbers.number(votes)


@register.filter
def more_than(votes: int | None, now: int) -> str:
    """How many are still to come."""
    return "—" if votes is None else localised_numbers.number(max(0, votes - now))


def _strong_name(name: str) -> SafeString:
    return format_html("<strong>{}</strong>", breakable(name))
