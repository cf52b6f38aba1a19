"""What the play page says while it runs, in the visitor's language; the page's script fills in the braces."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

Words = dict[str, str | tuple[str, str]]


def play_words() -> Words:
    """Texts by the keys that the script uses; two forms, for one and for several, where a text counts something."""
    return {
        "said.dope": _("Dope."),
        "said.nope": _("Nope."),
        "said.left": _("The left one."),
        "said.right": _("The right one."),
        "said.tie": _("Both alike."),
        "said.done": _("Done."),
        "said.skip": _("Skipped."),
        "said.report": _("Reported as broken or out of place."),
        "shown.swipe": _("Pair {number}: two pictures. Dope or nope?"),
        "shown.two": _("Round {number}: which one is closer?"),
        "shown.grid": _("Round {number}: which ones match?"),
        "milestone": _("{count} answered. Thank you, keep going!"),
        "days": _("Day {count} in a row. Welcome back!"),
        "crowd": _("You agree with the crowd {share} of the time."),
        "crowd.mine": _("I am {share} crowd"),
        "crowd.later": _both_forms(
            lambda n: ngettext(
                "{count} more answer, and you see how often you agree with the crowd.",
                "{count} more answers, and you see how often you agree with the crowd.",
                n,
            )
        ),
        "crowd.few": _("Too few others have seen your pairs to compare yet."),
        "streak": _both_forms(lambda n: ngettext("{count} day in a row", "{count} days in a row", n)),
        "answered": _both_forms(lambda n: ngettext("{count} answer of yours", "{count} answers of yours", n)),
        "yours.cut": _("This cannot be looked up just now. Try again once you are online."),
        "offline": _("You are offline."),
        "unreachable": _("The server cannot be reached."),
        "trying": _("Trying again by itself."),
        "kept": _both_forms(
            lambda n: ngettext(
                "{count} answer is kept here and sent later.", "{count} answers are kept here and sent later.", n
            )
        ),
        "refused": _both_forms(
            lambda n: ngettext("{count} answer came too late to count.", "{count} answers came too late to count.", n)
        ),
        "back": _("Taken back. Have another look."),
        "back.far": _("Only the last {count} answers can be taken back."),
        "back.none": _("There is no answer to take back."),
        "back.cut": _("This one can be taken back once you are online again."),
        "done.none": _("None matches"),
        "done.some": _both_forms(lambda n: ngettext("{count} matches", "{count} match", n)),
    }


def _both_forms(text: Callable[[int], str]) -> tuple[str, str]:
    return text(1), text(2)
