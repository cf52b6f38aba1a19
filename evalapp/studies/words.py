"""The question of a study, in the visitor's language."""

from __future__ import annotations

from django.utils.translation import gettext as _


def in_their_language(question: str) -> str:
    """The question as the operator put it; the usual ones are known in every language."""
    usual = {
        "Do these two match?": _("Do these two match?"),
        "Which one is closer?": _("Which one is closer?"),
        "Which of these match?": _("Which of these match?"),
    }
    return usual.get(question, question)
