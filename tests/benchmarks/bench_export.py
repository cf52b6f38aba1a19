"""Exporting a study's votes to Parquet over one bare COPY of the same rows, and what memory it takes.

Run: python tests/benchmarks/bench_export.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

import django  # noqa: E402 - the repository is on the path only now

django.setup()

from django.db import connection  # noqa: E402 - only after setup
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from evalapp.exports.domain.export_tables import VOTES  # noqa: E402
from evalapp.exports.domain.table_writers import write_table  # noqa: E402
from evalapp.exports.queries.export_data import batches_of  # noqa: E402
from evalapp.exports.queries.sql_statements import VOTES as STATEMENT  # noqa: E402
from evalapp.exports.services.write_exports import export_study  # noqa: E402
from evalapp.studies.models import Study  # noqa: E402
from tests import cast  # noqa: E402
from tests.benchmarks.harness import Row, at_most, print_table, timed, timed_in_turns  # noqa: E402

PAIRS_OF_VOTER = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer votes and one repeat")
    quick = parser.parse_args().quick
    votes, repeats = (20_000, 1) if quick else (1_000_000, 3)
    with _database(), tempfile.TemporaryDirectory() as folder:
        study = _study_with_votes(votes)
        rows = _over_copy(study, Path(folder), repeats)
        rows.append(_memory(study, Path(folder)))
    print_table(f"Export of {votes:,} votes to Parquet on {os.cpu_count()} cores", rows)


def _over_copy(study: Study, folder: Path, repeats: int) -> list[Row]:
    def parquet() -> None:
        assert write_table(VOTES, batches_of(VOTES, study), folder, "parquet").rows

    ours, bare = timed_in_turns([parquet, lambda: _bare_copy(study)], repeats)
    whole = timed(lambda: export_study(study, "parquet", Path(tempfile.mkdtemp(dir=folder)) / "out"), 1)
    return [
        at_most("the table of votes", ours, bare, "s", 3.0),
        Row("every table, checksums and extras", whole, bare, "s", whole / bare),
    ]


def _bare_copy(study: Study) -> None:
    """The same rows as text to nowhere."""
    with Path(os.devnull).open("wb") as nowhere, connection.cursor() as cursor:
        query = cursor.mogrify(STATEMENT, {"study": study.pk}).decode()
        cursor.copy_expert(f"COPY ({query}) TO STDOUT", nowhere)


def _memory(study: Study, folder: Path) -> Row:
    """The most that this process grew by while it exported, in MB, over what is allowed."""
    process, stop, most = psutil.Process(), threading.Event(), 0
    before = process.memory_info().rss

    def look() -> None:
        nonlocal most
        while not stop.wait(0.01):
            most = max(most, process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    export_study(study, "parquet", folder / "watched")
    stop.set()
    thread.join()
    return at_most("peak memory of the process", max(most, before) / 1e6, 300.0, "MB", 1.0)


@contextmanager
def _database() -> Iterator[None]:
    old = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(old, verbosity=0)


def _study_with_votes(votes: int) -> Study:
    """An open study of 1,000 queries with so many votes, 100 of each voter, written by the database itself."""
    study = cast.open_study(queries=1000)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE shown AS SELECT id, row_number() OVER (ORDER BY id) - 1 AS place"
            " FROM studies_pair WHERE slot IS NOT NULL AND study_id = %s",
            [study.pk],
        )
        cursor.execute(
            "INSERT INTO voting_voter (id, created_at, address, block_reason, trusted)"
            " SELECT md5('v' || number)::uuid, now(), '', '', false FROM generate_series(0, %s) AS number",
            [votes // PAIRS_OF_VOTER],
        )
        cursor.execute(
            "INSERT INTO voting_exposure (voter_id, study_id, pair_id, token, kind, propensity, side, expected,"
            " served_at, leased_until, answered_at, taken_back)"
            " SELECT md5('v' || number / %(each)s)::uuid, %(study)s, shown.id, md5('t' || number)::uuid, 'study',"
            " 0.0005 + (number %% 7) * 0.0001, 'left', '', now(), now(), now(), 0"
            " FROM generate_series(0, %(votes)s - 1) AS number JOIN shown ON shown.place ="
            " (number / %(each)s * 37 + number %% %(each)s) %% (SELECT count(*) FROM shown)",
            {"study": study.pk, "votes": votes, "each": PAIRS_OF_VOTER},
        )
        cursor.execute(
            "INSERT INTO voting_vote (exposure_id, study_id, pair_id, voter_id, verdict, response_ms, client_id,"
            " counted, void_reason, simulated, voted_at) SELECT id, study_id, pair_id, voter_id,"
            " CASE WHEN id %% 3 = 0 THEN 'dope' ELSE 'nope' END, 500 + id %% 900, '', true, '', false, now()"
            " FROM voting_exposure WHERE study_id = %s",
            [study.pk],
        )
        cursor.execute("ANALYZE voting_vote, voting_exposure, voting_voter")
    return study


if __name__ == "__main__":
    main()
