"""A study's life after the draft: ready, open, closed; its words, its contenders, its automatic scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.values.storable_texts import check_text
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import LONGEST_WORDS, BoardVisibility, Contender, Evaluation, Study, StudyState
from evalapp.webhooks.domain.event_names import STUDY_CLOSED
from evalapp.webhooks.services import announce


def _changes_in_words(arguments: Mapping[str, Any]) -> str:
    changed = {
        name: value for name, value in arguments.items() if name not in {"study", "result"} and value is not None
    }
    return ", ".join(f"{name}: {value}" for name, value in changed.items())


def mark_ready(study: Study) -> None:
    """A draft whose pairs are there may be opened."""
    Study.objects.filter(pk=study.pk, state=StudyState.DRAFT).update(state=StudyState.READY)


@recorded("opened", "study {study}")
def open_study(study: Study, *, keep_before: bool = False) -> None:
    """Let people vote; a study that is open already stays as it is. The round before it, if people still vote on that,
    is closed in its favour, unless it shall be kept: votes would split over both.

    Raises Conflict while there are no pairs, where a contender answers no query (it could win nothing, and nobody
    would see why), and for what people said to an index's answers: they stood in its order, and a board would count it.
    """
    same = Study.objects.filter(pk=study.pk)
    if same.filter(search_index__isnull=False).exists():
        raise Conflict(f"{study} holds what people said to answers of a search; it is never opened for votes.")
    silent = study.contenders.filter(archived_at=None).exclude(nominations__rank=1).values_list("name", flat=True)
    if same.filter(state=StudyState.READY).exists() and (names := ", ".join(silent)):
        raise Conflict(f"{names} has no answer to any query: see the faults of its job, and archive it or mend it.")
    openable = same.filter(state__in=[StudyState.READY, StudyState.CLOSED])
    opened = openable.update(state=StudyState.OPEN, opened_at=timezone.now(), closed_at=None)
    if not opened and not same.filter(state=StudyState.OPEN).exists():
        raise Conflict(f"{study} has no pairs yet; run: python manage.py precompute {study} --wait")
    if opened and not keep_before:
        for before in Study.objects.filter(following=study.pk, state=StudyState.OPEN):
            close_study(before)


@recorded("closed", "study {study}")
def close_study(study: Study) -> None:
    """End the voting; what was cast stays. Raises Conflict if the study is not open."""
    with transaction.atomic():
        still_open = Study.objects.filter(pk=study.pk, state=StudyState.OPEN)
        if not still_open.update(state=StudyState.CLOSED, closed_at=timezone.now()):
            raise Conflict(f"{study} is not open.")
        announce(STUDY_CLOSED, {"study": study.slug})


@recorded("changed", "study {study}", _changes_in_words)
def change_study(
    study: Study,
    *,
    title: str | None = None,
    question: str | None = None,
    board: str | None = None,
    follows_catalogue: bool | None = None,
) -> None:
    """Give a study other words, its board other viewers, or let it follow its catalogue. What is None stays.

    Raises Conflict for another question once people were asked, InvalidInput for invalid values.
    """
    texts = {"title": title, "question": question, "board": board}
    changes = {name: value.strip() for name, value in texts.items() if value is not None}
    if empty := [name for name, value in changes.items() if not value]:
        raise InvalidInput(f"The {empty[0]} must not be empty.", fields={name: ["It is empty."] for name in empty})
    for name, value in changes.items():
        check_text(name, value, LONGEST_WORDS)
    if changes.get("board", BoardVisibility.PRIVATE) not in BoardVisibility.values:
        raise InvalidInput(f"A board is {', '.join(BoardVisibility.values)}; {board!r} is none of them.")
    if study.opened_at is not None and changes.get("question", study.question) != study.question:
        raise Conflict(f"{study} was opened: its votes answer the question that was put. Start another study.")
    for name, value in changes.items():
        setattr(study, name, value)
    if follows_catalogue is not None:
        study.follows_catalogue = follows_catalogue
    study.save(update_fields=[*changes, "follows_catalogue"])


@recorded("archived", "contender {contender} of study {contender.study}")
def archive_contender(contender: Contender) -> None:
    """Take a contender out of the race. Its votes stay and its line can still be seen; it is never deleted."""
    Contender.objects.filter(pk=contender.pk, archived_at=None).update(archived_at=timezone.now())


@recorded("brought back", "contender {contender} of study {contender.study}")
def return_contender(contender: Contender) -> None:
    """Let an archived contender take part again."""
    Contender.objects.filter(pk=contender.pk).update(archived_at=None)


def store_evaluation(study: Study, document: dict[str, Any]) -> None:
    """Keep the automatic scores; those of before give way."""
    Evaluation.objects.update_or_create(study=study, defaults={"document": document, "made_at": timezone.now()})
