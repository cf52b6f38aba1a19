"""The question of a study: the usual one of each way of answering, and all of them in the visitor's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

USUAL_QUESTIONS = {"swipe": "Do these two match?", "two": "Which one is closer?", "grid": "Which of these match?"}
"""By mode: another question over the same pictures is answered by other votes."""


def usual_question(mode: str) -> str:
    """What is asked where the operator puts no question."""
    return USUAL_QUESTIONS.get(mode, USUAL_QUESTIONS["swipe"])


def in_their_language(question: str) -> str:
    """The question as the operator put it; the usual ones are known in every language."""
    usual = {
        "Do these two match?": _("Do these two match?"),
        "Which one is closer?": _("Which one is closer?"),
        "Which of these match?": _("Which of these match?"),
    }
    return usual.get(question, question)
