"""The answers of a black box, brought in a file: a search engine can be judged without its vectors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from evalapp.catalog.models import Item
from evalapp.core.domain.csv_sheets import Sheet, SheetFault, SheetRow, told_or_nothing
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.values.whole_numbers import whole_number
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import Contender, Study, StudyState
from evalapp.studies.queries.galleries import gallery_items
from evalapp.studies.services import Nominated, record_nominations

COLUMNS = ("query", "candidate", "rank")
_MOST_FAULTS = 1000


@dataclass(slots=True)
class Brought:
    """What became of the rows: answers taken, queries answered, and a line for each row left out.

    Among the lines are remarks on rows that were taken.
    """

    contender: str
    answers: int = 0
    queries: int = 0
    left_out: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add_fault(self, line: int, reason: str) -> None:
        """Leave a row out; the first faults are kept with their lines."""
        self.left_out += 1
        self.add_remark(line, reason)

    def add_remark(self, line: int, reason: str) -> None:
        """Tell something of a row that is taken."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append((line, reason))

    @property
    def problems(self) -> list[dict[str, Any]]:
        """The faults as JSON tells them."""
        return [{"line": line, "message": reason} for line, reason in self.faults]


@recorded("imported answers", "contender {name} of study {study}")
def import_answers(study: Study, path: Path, name: str) -> Brought:
    """A contender `name` whose nominations are the rows of a CSV with query, candidate, rank and, at will, distance.

    Ranks are counted from 1 or from 0. Rows that cannot be used are left out and told. All or nothing otherwise. The
    study must not have been opened: what people vote on does not change. Raises InvalidInput for a name or file that
    will not do and where nothing can be used, Conflict for a study that was opened and for a name that is taken.
    """
    if study.opened_at is not None:
        raise Conflict(f"{study} was opened: its contenders are settled. Import the answers into the next round.")
    if not name.strip() or len(name) > 180 or ":" in name:
        raise InvalidInput(f"{name!r} is no name for a contender; use up to 180 characters, none of them a colon.")
    sheet = Sheet(path, COLUMNS)
    brought = Brought(name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    answers = _first_answers(study, list(_read_answers(study, sheet, brought)), brought)
    if not answers:
        first = f" Line {brought.faults[0][0]}: {brought.faults[0][1]}" if brought.faults else ""
        raise InvalidInput(f"No row of {path.name} could be used.{first}")
    _write_contender(study, name, digest, answers)
    brought.answers, brought.queries = len(answers), len({answer.query for answer in answers})
    return brought


def _read_answers(study: Study, sheet: Sheet, brought: Brought) -> Iterator[tuple[int, Nominated]]:
    queries = dict(study.queries.values_list("item__key", "pk"))
    gallery = gallery_items(study.pk)
    candidates = dict(Item.objects.filter(pk__in=gallery).values_list("key", "pk"))
    from_zero = False
    for row in sheet.rows():
        if isinstance(row, SheetFault):
            tell = brought.add_fault if row.left_out else brought.add_remark
            tell(row.line, row.message)
            continue
        try:
            answer = _parse_answer(row, queries, candidates)
        except InvalidInput as problem:
            brought.add_fault(row.line, problem.message)
            continue
        if answer.rank == 0 and not from_zero:
            from_zero = True
            brought.add_remark(row.line, "Ranks are counted from 0 here: what stands at 0 is the first choice.")
        yield row.line, answer


def _parse_answer(row: SheetRow, queries: dict[str, int], candidates: dict[str, int]) -> Nominated:
    query = _id_of_key(queries, row["query"], "query of this study")
    candidate = _id_of_key(candidates, row["candidate"], "item of its gallery")
    if row["query"] == row["candidate"]:
        raise InvalidInput("A picture is never its own neighbour.")
    return Nominated(query, candidate, _parse_rank(row), _parse_distance(row))


def _id_of_key(ids: dict[str, int], key: str, what: str) -> int:
    if key not in ids:
        raise InvalidInput(f"{key!r} is no {what}.")
    return ids[key]


def _parse_rank(row: SheetRow) -> int:
    """From 0, as some programs count; they are counted anew in the end."""
    rank = whole_number(row["rank"], 0, 1000)
    if rank is None:
        raise InvalidInput(f"The rank {row['rank'][:40]!r} is no whole number from 1 to 1000.")
    return rank


def _parse_distance(row: SheetRow) -> float | None:
    text = told_or_nothing(row["distance"])
    if not text:
        return None
    try:
        distance = float(text)
    except ValueError:
        distance = math.nan
    if not math.isfinite(distance):
        raise InvalidInput(f"The distance {row['distance']!r} is no number.")
    return distance


def _first_answers(study: Study, rows: list[tuple[int, Nominated]], brought: Brought) -> list[Nominated]:
    """One answer per rank and candidate of a query, the first that comes; no more than the study's `top_k`.

    Ranks are counted anew where some were left out: what stands first in the end is the first choice.
    """
    by_query: dict[int, list[Nominated]] = {}
    candidates: set[tuple[int, int]] = set()
    ranks: set[tuple[int, int]] = set()
    for line, answer in rows:
        if (answer.query, answer.candidate) in candidates:
            brought.add_fault(line, "The same candidate stands twice for this query.")
        elif (answer.query, answer.rank) in ranks:
            brought.add_fault(line, f"Rank {answer.rank} stands twice for this query.")
        else:
            by_query.setdefault(answer.query, []).append(answer)
        candidates.add((answer.query, answer.candidate))
        ranks.add((answer.query, answer.rank))
    return [
        Nominated(answer.query, answer.candidate, rank, answer.distance)
        for answers in by_query.values()
        for rank, answer in enumerate(sorted(answers, key=lambda one: one.rank)[: study.top_k], start=1)
    ]


def _write_contender(study: Study, name: str, digest: str, answers: list[Nominated]) -> None:
    try:
        with transaction.atomic():
            contender = Contender.objects.create(study=study, name=name, answers_sha256=digest)
            record_nominations(contender, [answer.query for answer in answers], answers)
            # What can be shown has changed: the pairs are dealt anew by the next precompute.
            Study.objects.filter(pk=study.pk, state=StudyState.READY).update(state=StudyState.DRAFT)
    except IntegrityError as error:
        raise Conflict(f"{study} has a contender {name} already; choose another name.") from error
