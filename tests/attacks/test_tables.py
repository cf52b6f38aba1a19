"""Whatever stands in a table of pictures, votes or answers: one line says why it will not do, or each of its rows is
taken or told; and nothing is half written."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import Count, F, Q
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from evalapp.catalog.domain.import_report import Report
from evalapp.catalog.domain.importers.importer_base import Record
from evalapp.catalog.domain.importers.table import TableSource
from evalapp.catalog.models import Item
from evalapp.catalog.pipeline import import_rows
from evalapp.core.domain.csv_sheets import Sheet
from evalapp.core.domain.errors import Problem
from evalapp.studies.models import Contender, Nomination, Pair, Study
from evalapp.studies.services import import_results
from evalapp.voting.models import Vote
from evalapp.voting.services import vote_import
from tests import cast
from tests.attacks import note, sized
from tests.catalog.drawing import BLUE, RED, picture

pytestmark = [pytest.mark.django_db, pytest.mark.database]

_KEYS = [f"item-{number:04d}" for number in range(6)]
_RIGHT = {
    "path": ["red.png", "blue.png", "./red.png", "sub/../blue.png"], "key": ["a", "b", "c"],
    "category": ["dress", "nan", "Dress"], "product": ["1", "NULL"],
    "x1": ["0", "1.5"], "y1": ["0"], "x2": ["9", "1e9"], "y2": ["9", "nan"],
    "query": _KEYS, "candidate": _KEYS, "verdict": ["dope", "nope", "skip", "DOPE"], "voter": ["ann", "bob"],
    "voted_at": ["2024-05-01T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59"],
    "response_ms": ["900", "9" * 5000],
    "rank": ["0", "1", "2", "3.0", "-1", "1e9"], "distance": ["0.1", "inf", "-0"],
}  # fmt: skip
_ODD = (
    "",
    " ",
    '"',
    '""',
    "'",
    "\0",
    "a\nb",
    "=1+1",
    "x" * 3000,
    "../../etc/passwd",
    "\N{REPLACEMENT CHARACTER}",
    "é",
    "#N/A",
    ",",
    ";",
)
_COLUMNS = {
    "pictures": ("path", "key", "category", "product", "x1", "y1", "x2", "y2"),
    "votes": ("query", "candidate", "verdict", "voter", "voted_at", "response_ms"),
    "answers": ("query", "candidate", "rank", "distance"),
}
EXAMPLES = sized(60, 400)
Check = Callable[[bytes], None]
_R = TypeVar("_R")


def tables(kind: str) -> st.SearchStrategy[bytes]:
    """Tables as people and programs write them, and as they get when something goes wrong with them."""
    columns = list(_COLUMNS[kind])

    def cell(name: str) -> st.SearchStrategy[str]:
        right = _RIGHT.get(name, ["x"])
        # Most cells are right, so that there are rows of which every one is.
        return st.sampled_from([*right * (40 // len(right)), *_ODD]) if name in _RIGHT else st.text(max_size=5)

    def row(header: list[str]) -> st.SearchStrategy[list[str]]:
        whole = st.tuples(*map(cell, header)).map(list)
        return whole | whole | st.lists(st.sampled_from(_ODD), max_size=9)

    odd_header = st.lists(st.sampled_from([*columns, "", "note", "Query"]), max_size=9)
    headers = st.just(columns) | st.permutations(columns) | st.just(columns[:4]) | odd_header
    filled = headers.flatmap(lambda header: st.tuples(st.just(header), st.lists(row(header), max_size=9)))
    separators, ends = st.sampled_from(",,;\t|"), st.sampled_from(["\n", "\r\n", "\r"])
    written = st.builds(_written, filled, separators, ends, st.booleans())
    encoded = st.builds(_encoded, written, st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16"]))
    cut = st.builds(lambda data, end: data[:end], encoded, st.integers(0, 200))
    return encoded | encoded | cut | st.binary(max_size=60)


def _written(filled: tuple[list[str], list[list[str]]], separator: str, end: str, quotes: bool) -> str:
    header, rows = filled
    if not quotes:
        return end.join(separator.join(cells) for cells in [header, *rows])
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=end)
    writer.writerows([header, *rows])
    return out.getvalue()


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, errors="replace")


def sound(kind: str, rows: list[list[str]]) -> st.SearchStrategy[bytes]:
    """Tables of which every row is right, so that what is taken is seen as often as what is refused."""
    chosen = st.lists(st.sampled_from(rows), min_size=1, max_size=5, unique_by=lambda row: row[0])
    return chosen.map(lambda some: _written((list(_COLUMNS[kind]), some), ",", "\n", True).encode())


def fuzzed(kind: str, check: Check, right: list[list[str]] | None = None) -> None:
    drawn = tables(kind) | sound(kind, right) if right else tables(kind)

    @seed(1)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(data=drawn)
    def each(data: bytes) -> None:
        # As if it had not been: every table meets the same rows.
        with transaction.atomic():
            check(data)
            transaction.set_rollback(True)

    each()


def found(what: str, seen: Counter[str]) -> None:
    """Keep it for the table of attacks."""
    bound = "one line why not, or each row taken or told; nothing half written"
    note(f"{EXAMPLES:,} generated tables {what}", bound, ", ".join(f"{n:,} {name}" for name, n in seen.items()))


def brought(work: Callable[[], _R]) -> _R | None:
    """What came of it; None where one line said that it will not do."""
    try:
        return work()
    except Problem as problem:
        line = problem.message
    assert "\n" not in line
    return None


@pytest.fixture
def study() -> Study:
    return cast.ready_study()


def pairs_of(study: Study) -> list[tuple[str, str]]:
    return list(Pair.objects.filter(study=study).order_by("pk").values_list("query__item__key", "candidate__key"))


def test_tables_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(picture(RED))
    (tmp_path / "blue.png").write_bytes(picture(BLUE))
    seen: Counter[str] = Counter()

    def check(data: bytes) -> None:
        (tmp_path / "items.csv").write_bytes(data)
        report = Report()
        outcome = brought(lambda: import_rows("shop", TableSource(tmp_path / "items.csv", {}), report))
        if outcome is None:
            assert not Item.objects.exists()
            seen["refused"] += 1
            return
        assert outcome.items_taken == Item.objects.filter(catalogue__slug="shop", removed=False).count()
        assert all(default_storage.exists(item.picture.file) for item in Item.objects.select_related("picture"))
        # A key that comes twice is told; so is a row that is taken with a remark.
        there = list(TableSource(tmp_path / "items.csv", {}).rows())
        assert outcome.items_taken + report.fault_count >= len([row for row in there if isinstance(row, Record)])
        seen["pictures taken"] += outcome.items_taken

    fuzzed("pictures", check)
    found("of pictures", seen)
    assert min(seen["refused"], seen["pictures taken"]) > 3


def test_tables_of_votes(study: Study, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    def check(data: bytes) -> None:
        (tmp_path / "votes.csv").write_bytes(data)
        result = brought(lambda: vote_import.import_votes(study, Sheet(tmp_path / "votes.csv", vote_import.COLUMNS)))
        if result is None:
            assert not Vote.objects.exists()
            seen["refused"] += 1
            return
        assert Vote.objects.filter(exposure__answered_at__isnull=False).count() == result.recorded
        said = {name: Count("votes", filter=Q(votes__counted=True, votes__verdict=name)) for name in ("dope", "nope")}
        counted = Pair.objects.filter(study=study).annotate(dopes=said["dope"], nopes=said["nope"])
        assert not counted.exclude(dope=F("dopes"), nope=F("nopes")).exists()
        seen["votes recorded"] += result.recorded
        seen["left out"] += result.left_out

    fuzzed("votes", check, [[*pair, "dope", "ann", "2024-05-01T12:00:00Z", "900"] for pair in pairs_of(study)])
    found("of votes", seen)
    assert min(seen["refused"], seen["votes recorded"], seen["left out"]) > 3


def test_tables_of_answers(study: Study, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    before = Contender.objects.count()

    def check(data: bytes) -> None:
        (tmp_path / "answers.csv").write_bytes(data)
        result = brought(lambda: import_results.import_answers(study, tmp_path / "answers.csv", "box"))
        if result is None:
            assert Contender.objects.count() == before
            seen["refused"] += 1
            return
        nominated = Nomination.objects.filter(contender__name="box")
        assert nominated.count() == result.answers > 0
        assert nominated.filter(rank=1).count() == result.queries
        seen["taken"] += 1

    fuzzed("answers", check, [[*pair, "1", "0.1"] for pair in pairs_of(study)])
    found("of answers", seen)
    assert min(seen["refused"], seen["taken"]) > 3


@pytest.mark.parametrize("kind", ["votes", "answers"])
def test_tables_sent_over_http(study: Study, kind: str) -> None:
    operator = Client(raise_request_exception=False)
    operator.force_login(User.objects.create_user("olga", is_staff=True))
    statuses: Counter[int] = Counter()

    def check(data: bytes) -> None:
        words = {"file": SimpleUploadedFile("é" * 120 + ".csv", data), "name": "box"}
        answer = operator.post(f"/api/v1/studies/{study}/import/{kind}/", words)
        statuses[answer.status_code] += 1
        assert answer.status_code < 500, data
        with suppress(KeyError):
            assert "Traceback" not in str(answer.json()["error"]["message"])

    fuzzed(kind, check)
    found(f"of {kind} sent over HTTP", Counter({f"answered {status}": n for status, n in statuses.items()}))
    assert statuses[400] > 3
