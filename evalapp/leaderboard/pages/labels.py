"""What the board calls what is stored by keys, and what its drawings say, in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evalapp.core.domain.values import localised_numbers
from evalapp.leaderboard.domain.label_keys import NO_CATEGORY
from evalapp.plots.plot_texts import Phrases
from evalapp.voting.domain.void_reasons import BLOCKED, BURST, REHEARSAL, REPORTS, TOO_FAST, TRAP


def drawing_phrases() -> Phrases:
    """How drawings speak to this visitor."""
    return Phrases(
        number=localised_numbers.number,
        votes=votes_words,
        percent=_("{number}%"),
        no_votes=_("no votes yet"),
        alone=_("{name}: {share} on its own"),
        interval=_("{name}: {share}, {low} to {high}"),
        both=_("{name}: {x} and {y}"),
        better=_("{row} better than {column}: {chance}"),
    )


def votes_words(count: int) -> str:
    """12345 as `12,345 votes`."""
    return ngettext("{number} vote", "{number} votes", count).format(number=localised_numbers.number(count))


def voters_words(count: int) -> str:
    """25 as `25 voters`."""
    return ngettext("{number} voter", "{number} voters", count).format(number=localised_numbers.number(count))


def design_words(method: str) -> str:
    """By which design pairs are drawn."""
    return {"adaptive": _("adaptive"), "uniform": _("uniform"), "quota": _("quota")}.get(method, method)


def score_words(score: dict[str, Any]) -> str:
    """The name of an automatic score."""
    names = {"category_match": _("Category match"), "product_recall_at_1": _("Product recall at 1")}
    return names.get(score["key"]) or str(score["label"])


def score_title(score: dict[str, Any]) -> str:
    """What approval against this score is called."""
    titles = {
        "category_match": _("Approval against category match"),
        "product_recall_at_1": _("Approval against product recall at 1"),
    }
    return titles.get(score["key"]) or str(score["label"])


def group_words(group: dict[str, Any], named: Callable[[str], SafeString]) -> SafeString:
    """What the examples of a group have in common; `named` writes the name of a contender."""
    titles = {"liked": _("Most liked"), "disliked": _("Most disliked"), "disputed": _("Most disputed")}
    if "one" in group:
        return format_html(_("{one} found better than {other}"), one=named(group["one"]), other=named(group["other"]))
    return format_html("{}", titles.get(group["key"], group["label"]))


def category_words(name: str) -> str:
    """A category as it is; what has none is said to have none."""
    return _("(none)") if name == NO_CATEGORY else name


def reason_words(reason: str) -> str:
    """Why votes were set aside; a reason that came with imported votes stays as it is."""
    words = {
        BLOCKED: _("an operator blocked the voter"),
        TOO_FAST: _("faster than anybody looks"),
        TRAP: _("a program, by the hidden field"),
        BURST: _("many new visitors of one address who left at once"),
        REHEARSAL: _("made up by a simulated crowd, in a rehearsal"),
        REPORTS: _("hardly anything but reports"),
    }
    return words.get(reason, reason)
