"""`manage.py export`: the tables row by row, checksummed, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from evalapp.catalog.models import Item
from evalapp.catalog.services.item_flags import flag_items
from evalapp.core.domain.errors import Conflict, Problem
from evalapp.core.domain.software import software
from evalapp.exports.domain import export_tables
from evalapp.exports.domain.export_tables import TABLES
from evalapp.exports.services import write_exports
from evalapp.exports.services.write_exports import export_study
from evalapp.studies.models import Nomination, Pair, Study
from evalapp.studies.services.pair_flags import flag_pairs
from evalapp.training.queries.rounds import salt_of
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.models import Exposure, Vote, Voter
from evalapp.voting.pipeline.simulation import simulate_votes
from evalapp.voting.services.undo import undo_votes
from models_registry.evaluate import split_of, split_units
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

KINDS = ("csv", "jsonl", "parquet")
EXTRAS = ("README.md", "oml.csv", "pml.npz")


@pytest.fixture
def study() -> Study:
    """Ada swiped through, took her last word back and said it anew; Bo skipped and reported; a crowd was simulated."""
    study = cast.open_study()
    ada, bo = cast.cleo(study), cast.bo()
    undo_votes(ada, 1)
    cast.let_leases_run_out(ada)
    cast.play(cast.browser_of(ada), study, 1)
    cast.answered_exposure(study, bo, "skip")
    cast.answered_exposure(study, bo, "report")
    simulate_votes(study, votes=60, voters=6, taste=parse_taste("random:0.5"), seed=2)
    return study


def read(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def test_votes_are_there_row_by_row(study: Study, tmp_path: Path) -> None:
    export_study(study, "csv", tmp_path / "out")
    rows = read(tmp_path / "out", "votes")
    votes = list(Vote.objects.select_related("exposure").order_by("pk"))
    assert len(rows) == len(votes) == 16 + 1 + 2 + 60
    for number, (row, vote) in enumerate(zip(rows, votes, strict=True), start=1):
        assert (int(row["vote_id"]), int(row["pair_id"]), row["verdict"]) == (number, vote.pair_id, vote.verdict)
        assert (row["counted"], row["void_reason"]) == ("true" if vote.counted else "false", vote.void_reason)
        assert (row["kind"], row["side"]) == (vote.exposure.kind, vote.exposure.side)
        assert float(row["propensity"]) == vote.exposure.propensity
        assert datetime.fromisoformat(row["voted_at"]) == _hour(vote.voted_at)
        assert datetime.fromisoformat(row["served_at"]) == _hour(vote.exposure.served_at)
        assert row["response_ms"] == ("" if vote.response_ms is None else str(round(vote.response_ms / 100) * 100))
        assert row["simulated"] == ("true" if vote.simulated else "false")
    assert [row["void_reason"] for row in rows].count("undone") == 1


def test_a_pair_lies_where_training_puts_it_and_in_no_part_across_splits(study: Study, tmp_path: Path) -> None:
    export_study(study, "csv", tmp_path / "out")
    items = list(Item.objects.select_related("picture").order_by("key"))
    named = split_units([item.product or None for item in items], [item.picture.sha256 for item in items])
    part = {item.key: split_of(unit, salt=salt_of(study)) for item, unit in zip(items, named, strict=True)}
    rows = read(tmp_path / "out", "pairs")
    for row in rows:
        ends = {part[row["query"]], part[row["candidate"]]}
        assert row["split"] == (ends.pop() if len(ends) == 1 else "dropped")
    assert len({row["split"] for row in rows}) > 1


def test_the_columns_are_the_agreed_ones(study: Study, tmp_path: Path) -> None:
    export_study(study, "csv", tmp_path / "out")
    agreed = {
        "votes": "vote_id, pair_id, voter, verdict, kind, counted, void_reason, response_ms, served_at, voted_at,"
        " propensity, side, simulated",
        "pairs": "pair_id, query, candidate, dope, nope, skip, split",
        "nominations": "pair_id, contender, rank, distance",
        "items": "key, path, sha256, category, product, domain, x1, y1, x2, y2, attributes, split",
        "triplets": "query, positive, negative, weight",
    }
    for table, columns in agreed.items():
        header = (tmp_path / "out" / f"{table}.csv").read_text(encoding="utf-8").splitlines()[0]
        assert header == columns.replace(", ", ",")


def test_pairs_carry_the_counts_of_their_counted_votes(study: Study, tmp_path: Path) -> None:
    export_study(study, "csv", tmp_path / "out")
    votes = read(tmp_path / "out", "votes")
    pairs = read(tmp_path / "out", "pairs")
    assert len(pairs) == Pair.objects.count()
    for pair in pairs:
        for answer in ("dope", "nope", "skip"):
            counted = [one for one in votes if one["pair_id"] == pair["pair_id"] and one["counted"] == "true"]
            assert int(pair[answer]) == sum(one["verdict"] == answer for one in counted)


def test_nominations_name_contenders_and_items_carry_their_labels(study: Study, tmp_path: Path) -> None:
    export_study(study, "csv", tmp_path / "out")
    nominations = read(tmp_path / "out", "nominations")
    assert len(nominations) == Nomination.objects.count()
    assert {row["contender"] for row in nominations} == {cast.FC6, cast.FC7, cast.CONTROL}
    assert {row["distance"] for row in nominations if row["contender"] == cast.CONTROL} == {""}
    items = {row["key"]: row for row in read(tmp_path / "out", "items")}
    assert len(items) == 16
    assert items["item-0001"]["category"] == "shirt"
    assert json.loads(items["item-0001"]["attributes"]) == {"colour": "red"}
    for pair in read(tmp_path / "out", "pairs"):
        assert pair["query"] in items
        assert pair["candidate"] in items


def test_what_is_flagged_is_told_as_votes_and_left_out_of_what_is_learnt_from(study: Study, tmp_path: Path) -> None:
    pair = Pair.objects.filter(study=study, dope__gt=0).exclude(dope=F("nope")).first()
    other = Pair.objects.filter(study=study).exclude(dope=F("nope")).exclude(query=pair.query).first()
    assert pair is not None
    assert other is not None
    flag_pairs(study, [pair.pk], "wrong label")
    flag_items(study.catalogue.slug, [other.candidate.key], "wrong label")

    export_study(study, "csv", tmp_path / "out")

    assert len(read(tmp_path / "out", "pairs")) == Pair.objects.filter(study=study).count()
    for row in read(tmp_path / "out", "triplets"):
        assert other.candidate.key not in row.values()
        assert (pair.query.item.key, pair.candidate.key) not in {
            (row["query"], row["positive"]), (row["query"], row["negative"])
        }  # fmt: skip
    with np.load(tmp_path / "out" / "pml.npz") as arrays:
        told = {*zip(arrays["a1"], arrays["p"], strict=True), *zip(arrays["a2"], arrays["n"], strict=True)}
    place = {row["key"]: number for number, row in enumerate(read(tmp_path / "out", "items"))}
    assert told
    assert (place[pair.query.item.key], place[pair.candidate.key]) not in told
    assert not [ends for ends in told if place[other.candidate.key] in ends]
    assert other.candidate.path not in (tmp_path / "out" / "oml.csv").read_text(encoding="utf-8")


def test_triplets_join_what_was_liked_and_what_was_not_of_one_query(study: Study, tmp_path: Path) -> None:
    export_study(study, "csv", tmp_path / "out")
    pairs = read(tmp_path / "out", "pairs")
    expected = set()
    for liked in pairs:
        for noped in pairs:
            up, down = int(liked["dope"]) - int(liked["nope"]), int(noped["dope"]) - int(noped["nope"])
            if liked["query"] == noped["query"] and up > 0 > down:
                expected.add((liked["query"], liked["candidate"], noped["candidate"]))
    rows = read(tmp_path / "out", "triplets")
    assert expected
    assert {(row["query"], row["positive"], row["negative"]) for row in rows} == expected
    assert len(rows) == len(expected)
    assert all(0 < float(row["weight"]) < 1 for row in rows)


def test_the_board_can_be_computed_from_the_files_alone(study: Study, tmp_path: Path) -> None:
    """By the counting rules that the manifest states."""
    export_study(study, "csv", tmp_path / "out")
    first = [row for row in read(tmp_path / "out", "nominations") if row["rank"] == "1"]
    query_of = {row["pair_id"]: row["query"] for row in read(tmp_path / "out", "pairs")}
    queries = len({query_of[row["pair_id"]] for row in first})
    for standing in cast.board(study).standings:
        mine = {row["pair_id"] for row in first if row["contender"] == standing.contender}
        votes = [
            (1 / (queries * float(row["propensity"])), row["verdict"] == "dope")
            for row in read(tmp_path / "out", "votes")
            if row["pair_id"] in mine and row["counted"] == "true" and row["verdict"] in {"dope", "nope"}
        ]
        assert standing.votes == len(votes)
        share = sum(weight for weight, liked in votes if liked) / sum(weight for weight, _ in votes)
        assert standing.approval == pytest.approx(share)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_study_gives_the_same_bytes_twice(study: Study, tmp_path: Path, kind: str) -> None:
    manifests = [export_study(study, kind, tmp_path / name) for name in ("one", "two")]
    assert manifests[0] == manifests[1]
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    tables_and_more = [*(f"{table.name}.{kind}" for table in TABLES), "manifest.json", *EXTRAS]
    assert names == sorted(tables_and_more)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_tells_rows_checksums_and_contenders(study: Study, tmp_path: Path, kind: str) -> None:
    returned = export_study(study, kind, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == returned
    for file in manifest["files"]:
        assert hashlib.sha256((tmp_path / "out" / file["file"]).read_bytes()).hexdigest() == file["sha256"]
    assert manifest["schema_version"] == 1
    assert manifest["software"] == software()
    assert manifest["rows"]["votes"] == Vote.objects.count()
    assert (manifest["seed"], manifest["catalogue"]) == (7, {"slug": "match-wardrobe", "version": 1})
    first, *_, control = manifest["contenders"]
    assert (first["contender"], first["model"], first["tap"], first["metric"]) == (cast.FC6, "net", "fc6", "l2")
    assert first["weights_hash"] == cast.network().spec["weights_sha256"]
    assert (control["contender"], control["control"], control["model"]) == ("control", True, None)


def test_all_formats_say_the_same(study: Study, tmp_path: Path) -> None:
    for kind in KINDS:
        export_study(study, kind, tmp_path / kind)
    for table in TABLES:
        rows = [json.loads(line) for line in (tmp_path / "jsonl" / f"{table.name}.jsonl").open(encoding="utf-8")]
        from_parquet = parquet.read_table(tmp_path / "parquet" / f"{table.name}.parquet").to_pylist()
        for row in rows:
            for column in ("served_at", "voted_at"):
                if column in row:
                    row[column] = datetime.fromisoformat(row[column])
        assert rows == from_parquet
        from_csv = pd.read_csv(tmp_path / "csv" / f"{table.name}.csv", keep_default_na=False)
        assert list(from_csv.columns) == list(table.header)
        assert len(from_csv) == len(rows)
        assert arrow_csv.read_csv(tmp_path / "csv" / f"{table.name}.csv").num_rows == len(rows)


def test_voters_are_pseudonyms_that_no_other_study_shares(study: Study, tmp_path: Path) -> None:
    ada = Vote.objects.order_by("pk").first().voter
    other = cast.open_study("other")
    cast.play(cast.browser_of(ada), other, 3)
    for one in (study, other):
        export_study(one, "csv", tmp_path / one.slug)
    here, there = ({row["voter"] for row in read(tmp_path / slug, "votes")} for slug in ("match", "other"))
    assert len(here) == 8
    assert len(there) == 1
    assert not here & there
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in (tmp_path / "match").iterdir())
    for voter in Voter.objects.all():
        assert voter.pk.hex not in text.replace("-", "")
    for token in Exposure.objects.values_list("token", flat=True):
        assert token.hex not in text.replace("-", "")


def test_who_votes_on_gets_another_name_in_the_next_export(study: Study, tmp_path: Path) -> None:
    """Two exports cannot be laid side by side to follow a person."""
    export_study(study, "csv", tmp_path / "before")
    cast.answered_exposure(study, cast.bo())
    export_study(study, "csv", tmp_path / "after")
    before, after = ({row["voter"] for row in read(tmp_path / name, "votes")} for name in ("before", "after"))
    assert len(after) == len(before) + 1
    assert not before & after


def test_texts_that_trouble_files_come_back_as_they_were(study: Study, tmp_path: Path) -> None:
    item = study.queries.get(position=0).item
    item.category, item.path = 'Jäcke, "très\nchic"', "a\tb,c.jpg"
    item.save()
    for kind in KINDS:
        export_study(study, kind, tmp_path / kind)
    row = next(one for one in read(tmp_path / "csv", "items") if one["key"] == item.key)
    assert (row["category"], row["path"]) == (item.category, item.path)
    frame = parquet.read_table(tmp_path / "parquet" / "items.parquet").to_pylist()
    assert next(one for one in frame if one["key"] == item.key)["category"] == item.category


def test_a_study_without_votes_is_exported_with_empty_tables(tmp_path: Path) -> None:
    study = cast.ready_study("silent")
    for kind in KINDS:
        assert export_study(study, kind, tmp_path / kind)["rows"]["votes"] == 0
    assert parquet.read_table(tmp_path / "parquet" / "votes.parquet").schema.names == list(export_tables.VOTES.header)
    assert read(tmp_path / "csv", "triplets") == []


def test_a_folder_with_files_is_refused_in_one_line(study: Study, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(CommandError, match="not empty; choose another folder") as caught:
        call_command("export", "match", "--output", str(tmp_path))
    assert caught.value.returncode == 1
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(study: Study, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export_study(study, "csv", tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 6 + len(EXTRAS)


def test_a_file_in_its_place_is_refused(study: Study, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(Conflict):
        export_study(study, "csv", tmp_path / "out")


def test_an_export_that_fails_leaves_nothing(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Iterator[Any]:
        yield from ()
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(write_exports, "batches_of", full)
    with pytest.raises(Problem, match="No space left"):
        export_study(study, "csv", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_the_manifest_as_json(study: Study, tmp_path: Path) -> None:
    out = io.StringIO()
    target = str(tmp_path / "out")
    call_command("export", "match", "--format", "jsonl", "--output", target, "--json", stdout=out)
    assert json.loads(out.getvalue()) == json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.django_db(transaction=True)
def test_it_is_of_one_moment_and_streamed_outside_a_test_transaction(tmp_path: Path) -> None:
    """A vote that comes while the tables are written is in none of them."""
    study = cast.open_study()
    cast.answered_exposure(study, cast.ada())

    def meddle(table: export_tables.Table, batches: Any) -> Any:
        batches = list(batches)
        if table is export_tables.VOTES:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(1) as elsewhere:
                elsewhere.submit(_vote_elsewhere, study).result()
        return batches

    manifest = export_study(study, "csv", tmp_path / "out", meddle)
    assert Vote.objects.count() == 2
    assert manifest["rows"]["votes"] == 1
    assert sum(int(row["dope"]) for row in read(tmp_path / "out", "pairs")) == 1


def _vote_elsewhere(study: Study) -> None:
    from django.db import connection

    cast.answered_exposure(study, cast.bo())
    connection.close()
