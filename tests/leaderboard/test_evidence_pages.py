"""What stands behind the standings, on the page and as files: for whom the study says, and the same numbers."""

from __future__ import annotations

import csv
import io
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from evalapp.leaderboard.figures import FIGURES
from evalapp.leaderboard.services import board_of, head_to_head, refresh_report, take_snapshot
from evalapp.leaderboard.tables import TABLES
from evalapp.studies.models import BoardVisibility, Study
from evalapp.studies.services import archive_contender, close_study
from tests import cast
from tests.leaderboard.crowds import let_score, let_vote, voted_study

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PAGE = "/leaderboard/match/"


@pytest.fixture
def study() -> Study:
    """With votes, two snapshots, automatic scores and a report: everything that can be shown."""
    study = voted_study(200, voters=25)
    take_snapshot(study)
    let_vote(study, 100, 12, seed=2)
    take_snapshot(study)
    let_score(study)
    refresh_report(study)
    return study


def rows_of(browser: Client, name: str) -> list[dict[str, str]]:
    answer = browser.get(f"{PAGE}tables/{name}.csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_every_part_is_on_the_page(client: Client, study: Study) -> None:
    text = client.get(PAGE).content.decode()
    for part in ("standings", "head-to-head", "over-time", "categories", "labels", "examples", "trust", "method"):
        assert f'id="{part}"' in text, part
    assert "rank correlation" in text
    assert "Krippendorff" in text
    assert "How fragile is the order?" in text


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"strengths"}))
def test_every_plot_is_a_file_that_stands_alone(client: Client, study: Study, name: str) -> None:
    answer = client.get(f"{PAGE}plots/{name}.svg")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="match-{name}.svg"'
    assert ET.fromstring(answer.content.decode()).tag.endswith("svg")  # noqa: S314 - our own words


def test_the_reader_chooses_which_score_is_drawn_against_approval(client: Client, study: Study) -> None:
    for chosen, drawn in (
        ("", "category match"),
        ("product_recall_at_1", "product recall at 1"),
        ("x", "category match"),
    ):
        text = client.get(PAGE, {"score": chosen}).content.decode()
        assert f"Approval against {drawn}" in text
        assert 'href="?score=' in text
    svg = client.get(f"{PAGE}plots/labels.svg", {"score": "product_recall_at_1"}).content.decode()
    assert "Approval against product recall at 1" in svg
    assert (
        'plots/labels.svg?score=product_recall_at_1"'
        in client.get(PAGE, {"score": "product_recall_at_1"}).content.decode()
    )


def test_tables_hold_the_numbers_of_the_board(client: Client, study: Study) -> None:
    board, duels = board_of(study), head_to_head(study)
    for row, line in zip(rows_of(client, "standings"), board.standings, strict=True):
        assert row["contender"] == line.contender
        assert float(row["approval"]) == line.approval
        assert float(row["low"]) == line.low
    for row in rows_of(client, "head-to-head"):
        assert float(row["difference"]) == duels.of(row["first"], row["second"]).difference
    assert {row["votes"] for row in rows_of(client, "over-time")} == {"200", "300"}
    assert [row["contender"] for row in rows_of(client, "labels")] == 2 * [cast.FC6, cast.FC7]
    assert {row["measure"] for row in rows_of(client, "agreement")} == {"alpha", "gold", "self", "ceiling"}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_had_before_the_first_vote(client: Client, name: str) -> None:
    cast.open_study()
    rows_of(client, name)


def test_a_spreadsheet_takes_no_name_for_a_formula(client: Client, study: Study) -> None:
    study.contenders.filter(name=cast.FC7).update(name="=cmd()")
    assert "'=cmd()" in {row["contender"] for row in rows_of(client, "standings")}


def test_nothing_is_named_that_is_not_there(client: Client, study: Study) -> None:
    for path in ("plots/nothing.svg", "tables/nothing.csv", "history/7777/"):
        assert client.get(PAGE + path).status_code == 404


ADDRESSES = ["", "plots/standings.svg", "tables/standings.csv", "history/", "plan/"]


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_private_board_shows_none_of_it_to_visitors(
    client: Client, admin_client: Client, study: Study, path: str
) -> None:
    assert client.get(PAGE + path).status_code == 200
    kept = study.snapshots.first()
    assert kept
    Study.objects.update(board=BoardVisibility.PRIVATE)
    for address in (path, f"history/{kept.pk}/"):
        assert client.get(PAGE + address).status_code == 404
        assert admin_client.get(PAGE + address).status_code == 200


def test_who_may_still_vote_sees_no_pair_with_what_others_thought(
    client: Client, admin_client: Client, study: Study
) -> None:
    assert "/pictures/" not in client.get(PAGE).content.decode()
    assert rows_of(client, "examples") == []
    assert "/pictures/" in admin_client.get(PAGE).content.decode()
    close_study(study)
    assert "/pictures/" in client.get(PAGE).content.decode()
    assert rows_of(client, "examples")


def test_who_asks_again_is_told_that_nothing_changed_until_something_does(client: Client, study: Study) -> None:
    tag = client.get(PAGE).headers["ETag"]
    assert client.get(PAGE, headers={"if-none-match": tag}).status_code == 304
    let_vote(study, 1, 1, seed=3)
    answer = client.get(PAGE, headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_an_archived_contender_keeps_its_line(client: Client, study: Study) -> None:
    archive_contender(study.contenders.get(name=cast.FC7))
    text = client.get(PAGE).content.decode()
    assert "(archived)" in text


def test_the_planner_says_how_many_votes_more(client: Client, study: Study) -> None:
    text = client.get(f"{PAGE}plan/").content.decode()
    assert "Votes in all" in text or "has won" in text
    words: dict[str, Any] = {"best": 65, "second": 45, "contenders": 7, "overlap": 20, "effect": 1}
    assert "About <strong" in client.get(f"{PAGE}plan/", words).content.decode()
    worse = client.get(f"{PAGE}plan/", {**words, "best": 40}).content.decode()
    assert "The best is liked at least as much" in worse
    assert "About <strong" not in worse


def test_how_it_is_computed_can_be_read_by_everybody(client: Client) -> None:
    assert "confidence sequence" in client.get("/method/").content.decode()
