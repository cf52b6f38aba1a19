"""Votes gathered elsewhere: they count in pairs, are exported and train models; the board leaves them out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from evalapp.core.domain.csv_sheets import Sheet
from evalapp.exports.services.write_exports import export_study
from evalapp.studies.models import Pair, Study
from evalapp.voting.models import Exposure, Vote, Voter
from evalapp.voting.services.vote_import import COLUMNS, Imported, import_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


def bring(
    study: Study,
    folder: Path,
    *rows: str,
    header: str = "query,candidate,verdict,voter",
    advance: Callable[[int], object] = lambda _rows: None,
) -> Imported:
    path = folder / "votes.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return import_votes(study, Sheet(path, COLUMNS), advance)


def test_they_count_in_pairs_and_not_on_the_board(study: Study, tmp_path: Path) -> None:
    before = cast.board(study)
    pair = Pair.objects.filter(study=study, slot__isnull=False).first()
    query, candidate = pair.query.item.key, pair.candidate.key
    rows = [f"{query},{candidate},dope,ann", f"{query},{candidate},nope,bob", f"{query},{candidate},skip,cid"]
    assert bring(study, tmp_path, *rows).recorded == 3
    pair.refresh_from_db()
    assert (pair.dope, pair.nope, pair.skip) == (1, 1, 1)
    after = cast.board(study)
    assert [line.votes for line in after.standings] == [line.votes for line in before.standings]


def test_the_same_file_again_changes_nothing(study: Study, tmp_path: Path) -> None:
    rows = ("item-0000,item-0002,dope,ann", "item-0001,item-0003,nope,ann")
    assert bring(study, tmp_path, *rows).recorded == 2
    again = bring(study, tmp_path, *rows, "item-0000,item-0002,nope,ann")
    assert (again.recorded, again.already_recorded) == (0, 3)
    assert Vote.objects.count() == 2
    assert Pair.objects.get(query__item__key="item-0000", candidate__key="item-0002", study=study).nope == 0


def test_a_pair_that_nobody_nominated_is_kept_for_training_and_never_shown(study: Study, tmp_path: Path) -> None:
    bring(study, tmp_path, "item-0000,item-0009,dope,ann")
    pair = Pair.objects.get(study=study, query__item__key="item-0000", candidate__key="item-0009")
    assert (pair.slot, pair.dope) == (None, 1)
    assert Exposure.objects.values_list("kind", "propensity").get() == ("imported", 0.0)


def test_a_person_of_the_file_is_one_voter_here_and_another_elsewhere(study: Study, tmp_path: Path) -> None:
    other = cast.open_study("other")
    bring(study, tmp_path, "item-0000,item-0002,dope,ann", "item-0001,item-0003,dope,ann")
    bring(other, tmp_path, "item-0000,item-0002,dope,ann")
    assert Voter.objects.count() == 2
    assert Vote.objects.values("voter").distinct().count() == 2


def test_times_are_kept_and_taken_as_utc_where_the_zone_is_left_out(study: Study, tmp_path: Path) -> None:
    header = "query,candidate,verdict,voter,voted_at,response_ms"
    bring(study, tmp_path, "item-0000,item-0002,dope,ann,2026-01-31T12:00:00,812", header=header)
    vote = Vote.objects.get()
    assert (vote.voted_at.isoformat(), vote.response_ms) == ("2026-01-31T12:00:00+00:00", 812)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("item-0015,item-0002,dope,ann,,", "'item-0015' is no query of this study."),
        ("item-0000,item-9999,dope,ann,,", "'item-9999' is no other item of the catalogue."),
        ("item-0000,item-0000,dope,ann,,", "'item-0000' is no other item of the catalogue."),
        ("item-0000,item-0002,love,ann,,", "The verdict 'love' is none of dope, nope, skip."),
        ("item-0000,item-0002,dope,,,", "The voter must have a name of 1 to 200 characters."),
        ("item-0000,item-0002,dope,ann,yesterday,", "The time 'yesterday' is no moment"),
        ("item-0000,item-0002,dope,ann,2999-01-01T00:00:00Z,", "The time '2999-01-01T00:00:00Z' is no moment"),
        ("item-0000,item-0002,dope,ann,2999-01-01T00:00:00,", "The time '2999-01-01T00:00:00' is no moment"),
        ("item-0000,item-0002,dope,ann,9999-12-31T23:59:59-14:00,", "The time '9999-12-31T23:59:59-14:00' is no"),
        ("item-0000,item-0002,dope,ann,0001-01-01T00:00:00+14:00,", "The time '0001-01-01T00:00:00+14:00' is no"),
        ("item-0000,item-0002,dope,ann,1970-01-01T00:00:00Z,", "The time '1970-01-01T00:00:00Z' is no moment"),
        ("item-0000,item-0002,dope,ann,1767225600,", "The time '1767225600' is no moment"),
        ("item-0000,item-0002,dope,ann,,fast", "The response time 'fast' is no number of milliseconds"),
        ("item-0000,item-0002,dope,ann,,-1", "The response time '-1' is no number of milliseconds"),
        ("item-0000,item-0002,dope,ann,,3600001", "The response time '3600001' is no number of milliseconds"),
        (f"item-0000,item-0002,dope,{'n' * 201},,", "The voter must have a name of 1 to 200 characters."),
    ],
)
def test_a_row_that_cannot_be_used_is_told_and_the_rest_goes_in(
    study: Study, tmp_path: Path, row: str, reason: str
) -> None:
    header = "query,candidate,verdict,voter,voted_at,response_ms"
    result = bring(study, tmp_path, row, "item-0001,item-0003,nope,bob,,", header=header)
    ((line, told),) = result.faults
    assert line == 2
    assert told.startswith(reason)
    assert result.recorded == 1


@pytest.mark.parametrize(("voter", "ms"), [("n" * 200, 0), ("n", 3_600_000)])
def test_the_longest_name_and_the_longest_and_shortest_answer_are_taken(
    study: Study, tmp_path: Path, voter: str, ms: int
) -> None:
    header = "query,candidate,verdict,voter,response_ms"
    assert bring(study, tmp_path, f"item-0000,item-0002,dope,{voter},{ms}", header=header).recorded == 1
    assert Vote.objects.get().response_ms == ms


def test_all_rows_left_out_are_counted_and_the_first_thousand_told(study: Study, tmp_path: Path) -> None:
    result = bring(study, tmp_path, *["x,y,dope,ann"] * 1001)
    assert (result.left_out, len(result.faults), result.problems[-1]["line"]) == (1001, 1000, 1001)


def test_they_are_exported_with_their_kind_and_without_a_propensity(study: Study, tmp_path: Path) -> None:
    bring(study, tmp_path, "item-0000,item-0002,dope,ann")
    export_study(study, "csv", tmp_path / "out")
    with (tmp_path / "out" / "votes.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["kind"], row["propensity"], row["counted"]) == ("imported", "", "true")


def test_the_command_tells_what_became_of_the_file(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("query,candidate,verdict,voter\nitem-0000,item-0002,dope,ann\nx,y,dope,ann\n", encoding="utf-8")
    out = io.StringIO()
    call_command("import_votes", "match", str(path), json=True, stdout=out)
    told = json.loads(out.getvalue())
    assert (told["recorded"], told["left_out"], told["problems"][0]["line"]) == (1, 1, 3)
    path.write_text("query,candidate,verdict,voter\nx,y,dope,ann\n", encoding="utf-8")
    with pytest.raises(CommandError, match=r"No vote could be taken .* Line 2: 'x' is no query") as caught:
        call_command("import_votes", "match", str(path))
    assert caught.value.returncode == 1
    path.write_bytes(b"query,candidate,verdict,voter\n\xff\xfe,y,dope,ann\n")
    with pytest.raises(CommandError, match=r"Line 2: The row is not UTF-8"):
        call_command("import_votes", "match", str(path))


def test_more_rows_than_a_batch_need_no_statement_per_row(study: Study, tmp_path: Path) -> None:
    rows = [f"item-{n % 8:04d},item-{n % 8 + 4:04d},dope,voter-{n // 8}" for n in range(2400)]
    dealt_with: list[int] = []
    with CaptureQueriesContext(connection) as statements:
        assert bring(study, tmp_path, *rows, advance=dealt_with.append).recorded == 2400
    assert (sum(dealt_with), len(dealt_with)) == (2400, 3)
    assert len(statements) < 60
    assert Exposure.objects.count() == 2400


def test_a_file_as_excel_and_pandas_write_it_is_read(study: Study, tmp_path: Path) -> None:
    header = "Query;Candidate;VERDICT;voter;response_ms;voted_at"
    rows = ["item-0000;item-0002;dope;ann;812.0;NaN", "item-0001;item-0003;nope;ann;nan;"]
    assert bring(study, tmp_path, *rows, header="sep=;\n" + header).recorded == 2
    assert Vote.objects.filter(response_ms=812).count() == 1


def test_a_row_with_a_quote_left_open_or_of_another_encoding_is_told_and_no_other_is_lost(
    study: Study, tmp_path: Path
) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(
        b"query,candidate,verdict,voter\nitem-0000,item-0002,dope,M\xfcller\n"
        b'item-0001,item-0003,dope,"Ann\nitem-0002,item-0004,dope,Bob\n'
    )
    result = import_votes(study, Sheet(path, COLUMNS))
    assert (result.recorded, result.left_out, [line for line, _ in result.faults]) == (1, 2, [2, 3])


def test_a_vote_of_no_calendar_is_refused_by_the_database_too(study: Study, tmp_path: Path) -> None:
    bring(study, tmp_path, "item-0000,item-0002,dope,ann")
    for moment in ("0001-01-01T00:00:00+14:00", "infinity", "2200-01-01T00:00:00Z"):
        with (
            pytest.raises(IntegrityError, match="vote_in_our_time"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("UPDATE voting_vote SET voted_at = %s", [moment])
