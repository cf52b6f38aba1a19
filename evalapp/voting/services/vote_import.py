"""Votes that were gathered elsewhere, brought in a file. They train models; the board leaves them out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.catalog.models import Item
from evalapp.core.domain.csv_sheets import Sheet, SheetFault, SheetRow, told_or_nothing
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.values.moments import past_moment
from evalapp.core.domain.values.whole_numbers import whole_number
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import Pair, Study
from evalapp.voting.domain.verdicts import PAIR_ANSWERS
from evalapp.voting.models import Exposure, ExposureKind, Vote, Voter
from evalapp.voting.services.pair_counts import change_counts, counts_of

COLUMNS = ("query", "candidate", "verdict", "voter")
_NAMESPACE = uuid.UUID("0d0c6a54-6c0c-4a55-9a43-6d6a3f0e7c21")
_BATCH = 1000
_MOST_FAULTS = 1000
_LONGEST_NAME = 200
_LONGEST_ANSWER_MS = 3_600_000


@dataclass(slots=True)
class Imported:
    """What became of the rows: votes recorded, votes that were there already, and a line for each row left out.

    Among the lines are remarks on rows that were taken.
    """

    recorded: int = 0
    already_recorded: int = 0
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


@dataclass(frozen=True, slots=True)
class _Line:
    """A row understood: ids of query row, candidate item and voter."""

    line: int
    query: int
    candidate: int
    voter: uuid.UUID
    verdict: str
    voted_at: datetime
    response_ms: int | None


@recorded("imported votes", "study {study}", "{result.recorded:,} rows", piecewise=True)
def import_votes(study: Study, sheet: Sheet, advance: Callable[[int], object] = lambda _rows: None) -> Imported:
    """Record the rows of a CSV with query, candidate, verdict, voter and, at will, voted_at and response_ms.

    A voter's name becomes a pseudonym of this study; one vote stands per voter and pair, and the same file sent again
    changes nothing. Each batch is one transaction: whatever ends the process, the same call again does the rest.
    `advance` is told of rows dealt with.
    """
    result = Imported()
    queries = dict(study.queries.values_list("item__key", "pk"))
    rows = sheet.rows()
    while batch := list(islice(rows, _BATCH)):
        lines = _parse_rows(study, batch, queries, result)
        with transaction.atomic():
            _record_lines(study, lines, result)
        advance(len(batch))
    return result


def _parse_rows(
    study: Study, sheet_rows: Sequence[SheetRow | SheetFault], queries: dict[str, int], result: Imported
) -> list[_Line]:
    for fault in sheet_rows:
        if isinstance(fault, SheetFault):
            tell = result.add_fault if fault.left_out else result.add_remark
            tell(fault.line, fault.message)
    rows = [row for row in sheet_rows if isinstance(row, SheetRow)]
    keys = {row["candidate"] for row in rows}
    items = Item.objects.filter(catalogue=study.catalogue, key__in=keys)
    candidates = dict(items.values_list("key", "pk"))
    lines = []
    for row in rows:
        try:
            lines.append(_parse_row(study, row, queries, candidates))
        except InvalidInput as problem:
            result.add_fault(row.line, problem.message)
    return lines


def _parse_row(study: Study, row: SheetRow, queries: dict[str, int], candidates: dict[str, int]) -> _Line:
    query, candidate, verdict, voter = (row[column] for column in COLUMNS)
    if query not in queries:
        raise InvalidInput(f"{query!r} is no query of this study.")
    if candidate not in candidates or candidate == query:
        raise InvalidInput(f"{candidate!r} is no other item of the catalogue.")
    if verdict not in PAIR_ANSWERS:
        raise InvalidInput(f"The verdict {verdict!r} is none of {', '.join(PAIR_ANSWERS)}.")
    if not voter or len(voter) > _LONGEST_NAME:
        raise InvalidInput(f"The voter must have a name of 1 to {_LONGEST_NAME} characters.")
    pseudonym = uuid.uuid5(_NAMESPACE, f"{study.pk}/{voter}")
    return _Line(
        row.line,
        queries[query],
        candidates[candidate],
        pseudonym,
        verdict,
        _parse_moment(row),
        _parse_milliseconds(row),
    )


def _parse_moment(row: SheetRow) -> datetime:
    """When it was said; now where that is not told."""
    text = told_or_nothing(row["voted_at"])
    return past_moment(text) if text else timezone.now()


def _parse_milliseconds(row: SheetRow) -> int | None:
    text = told_or_nothing(row["response_ms"])
    if not text:
        return None
    number = whole_number(text, 0, _LONGEST_ANSWER_MS)
    if number is None:
        raise InvalidInput(f"The response time {text[:40]!r} is no number of milliseconds up to an hour.")
    return number


def _record_lines(study: Study, lines: Sequence[_Line], result: Imported) -> None:
    """Write what is new of these lines. Of several lines of one voter and pair the first stands."""
    Voter.objects.bulk_create([Voter(pk=voter) for voter in {line.voter for line in lines}], ignore_conflicts=True)
    pairs = _pairs_of_lines(study, lines)
    fresh: dict[tuple[uuid.UUID, int], _Line] = {}
    standing = set(
        Exposure.objects.filter(voter__in={line.voter for line in lines}, pair__in=pairs.values()).values_list(
            "voter_id", "pair_id"
        )
    )
    for line in lines:
        key = (line.voter, pairs[line.query, line.candidate])
        if key in standing or key in fresh:
            result.already_recorded += 1
        else:
            fresh[key] = line
    exposures = Exposure.objects.bulk_create(_exposure_of_line(study, pair, line) for (_, pair), line in fresh.items())
    votes = Vote.objects.bulk_create(
        _vote_of_line(exposure, line) for exposure, line in zip(exposures, fresh.values(), strict=True)
    )
    change_counts(counts_of(votes))
    result.recorded += len(votes)


def _pairs_of_lines(study: Study, lines: Sequence[_Line]) -> dict[tuple[int, int], int]:
    """The pair of each query and candidate, made where no contender nominated it: without a slot nobody is shown it."""
    pair_keys = sorted({(line.query, line.candidate) for line in lines})
    rows = [Pair(study=study, query_id=query, candidate_id=candidate) for query, candidate in pair_keys]
    Pair.objects.bulk_create(rows, ignore_conflicts=True)
    pairs = Pair.objects.filter(
        query__in={query for query, _ in pair_keys}, candidate__in={one for _, one in pair_keys}
    )
    return {(query, candidate): pk for pk, query, candidate in pairs.values_list("pk", "query_id", "candidate_id")}


def _exposure_of_line(study: Study, pair: int, line: _Line) -> Exposure:
    return Exposure(
        voter_id=line.voter,
        study=study,
        pair_id=pair,
        kind=ExposureKind.IMPORTED,
        propensity=0.0,
        served_at=line.voted_at,
        leased_until=line.voted_at,
        answered_at=line.voted_at,
    )


def _vote_of_line(exposure: Exposure, line: _Line) -> Vote:
    return Vote(
        exposure=exposure,
        study_id=exposure.study_id,
        pair_id=exposure.pair_id,
        voter_id=line.voter,
        verdict=line.verdict,
        response_ms=line.response_ms,
        voted_at=line.voted_at,
    )
