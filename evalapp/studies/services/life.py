"""A study's life after the draft: ready, open, closed; its words, its contenders, its automatic scores."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.core.errors import Conflict, InvalidInput
from evalapp.studies.models import BoardVisibility, Contender, Evaluation, Study, StudyState
from evalapp.webhooks.events import STUDY_CLOSED
from evalapp.webhooks.services import announce


def mark_ready(study: Study) -> None:
    """A draft whose pairs are there may be opened."""
    Study.objects.filter(pk=study.pk, state=StudyState.DRAFT).update(state=StudyState.READY)


def open_study(study: Study) -> None:
    """Let people vote; a study that is open already stays as it is. Raises Conflict while there are no pairs."""
    same = Study.objects.filter(pk=study.pk)
    openable = same.filter(state__in=[StudyState.READY, StudyState.CLOSED])
    opened = openable.update(state=StudyState.OPEN, opened_at=timezone.now(), closed_at=None)
    if not opened and not same.filter(state=StudyState.OPEN).exists():
        raise Conflict(f"{study} has no pairs yet; run: python manage.py precompute {study} --wait")


def close_study(study: Study) -> None:
    """End the voting; what was cast stays. Raises Conflict if the study is not open."""
    with transaction.atomic():
        still_open = Study.objects.filter(pk=study.pk, state=StudyState.OPEN)
        if not still_open.update(state=StudyState.CLOSED, closed_at=timezone.now()):
            raise Conflict(f"{study} is not open.")
        announce(STUDY_CLOSED, {"study": study.slug})


def change_study(
    study: Study,
    *,
    title: str | None = None,
    question: str | None = None,
    board: str | None = None,
    follows_catalogue: bool | None = None,
) -> None:
    """Give a study other words, its board other viewers, or let it follow its catalogue. What is None stays.

    Raises Conflict for another question once people were asked, InvalidInput for words that are off.
    """
    given = {"title": title, "question": question, "board": board}
    changes = {name: value.strip() for name, value in given.items() if value is not None}
    if empty := [name for name, value in changes.items() if not value]:
        raise InvalidInput(f"The {empty[0]} must not be empty.", fields={name: ["It is empty."] for name in empty})
    if changes.get("board", BoardVisibility.PRIVATE) not in BoardVisibility.values:
        raise InvalidInput(f"A board is {', '.join(BoardVisibility.values)}; {board!r} is none of them.")
    if study.opened_at is not None and changes.get("question", study.question) != study.question:
        raise Conflict(f"{study} was opened: its votes answer the question that was put. Start another study.")
    for name, value in changes.items():
        setattr(study, name, value)
    if follows_catalogue is not None:
        study.follows_catalogue = follows_catalogue
    study.save(update_fields=[*changes, "follows_catalogue"])


def archive_contender(contender: Contender) -> None:
    """Take a contender out of the race. Its votes stay and its line can still be seen; it is never deleted."""
    Contender.objects.filter(pk=contender.pk, archived_at=None).update(archived_at=timezone.now())


def return_contender(contender: Contender) -> None:
    """Let an archived contender take part again."""
    Contender.objects.filter(pk=contender.pk).update(archived_at=None)


def store_evaluation(study: Study, document: dict[str, Any]) -> None:
    """Keep the automatic scores; those of before give way."""
    Evaluation.objects.update_or_create(study=study, defaults={"document": document, "made_at": timezone.now()})
