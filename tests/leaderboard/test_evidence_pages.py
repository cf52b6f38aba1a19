"""What stands behind the standings, on the page and as files: for whom the study says, and the same numbers."""

from __future__ import annotations

import csv
import io
import math
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from evalapp.leaderboard.pages.board_view import Reading
from evalapp.leaderboard.pages.figures import FIGURES
from evalapp.leaderboard.pages.tables import TABLES
from evalapp.leaderboard.services import (
    Board,
    Decision,
    Missing,
    Sampling,
    SetAside,
    acceptances_of,
    refresh_report,
    stored_sums_of,
    take_snapshot,
)
from evalapp.leaderboard.services.forecast import MARGINS
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


def test_every_part_is_on_the_page(admin_client: Client, study: Study) -> None:
    text = admin_client.get(PAGE).content.decode()
    for part in ("standings", "head-to-head", "over-time", "categories", "labels", "examples", "trust", "method"):
        assert f'id="{part}"' in text, part
    assert "rank correlation" in text
    assert "Krippendorff" in text
    assert "How fragile is the order?" in text


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"strengths"}))
def test_every_plot_is_a_file_that_stands_alone(admin_client: Client, study: Study, name: str) -> None:
    answer = admin_client.get(f"{PAGE}plots/{name}.svg")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="match-{name}.svg"'
    assert ET.fromstring(answer.content.decode()).tag.endswith("svg")  # noqa: S314 - our own words


def test_the_reader_chooses_which_score_is_drawn_against_approval(admin_client: Client, study: Study) -> None:
    for chosen, drawn in (
        ("", "category match"),
        ("product_recall_at_1", "product recall at 1"),
        ("x", "category match"),
    ):
        text = admin_client.get(PAGE, {"score": chosen}).content.decode()
        assert f"Approval against {drawn}" in text
        assert 'href="?score=' in text
    svg = admin_client.get(f"{PAGE}plots/labels.svg", {"score": "product_recall_at_1"}).content.decode()
    assert "Approval against product recall at 1" in svg
    assert (
        'plots/labels.svg?score=product_recall_at_1"'
        in admin_client.get(PAGE, {"score": "product_recall_at_1"}).content.decode()
    )


def test_tables_hold_the_numbers_of_the_board(admin_client: Client, study: Study) -> None:
    board, duels = cast.board(study), cast.duels(study)
    for row, line in zip(rows_of(admin_client, "standings"), board.standings, strict=True):
        assert row["contender"] == line.contender
        assert float(row["approval"]) == line.approval
        assert float(row["low"]) == line.low
    for row in rows_of(admin_client, "head-to-head"):
        assert float(row["difference"]) == duels.duel_of(row["first"], row["second"]).difference
    assert {row["votes"] for row in rows_of(admin_client, "over-time")} == {"200", "300"}
    assert [row["contender"] for row in rows_of(admin_client, "labels")] == 2 * [cast.FC6, cast.FC7]
    assert {row["measure"] for row in rows_of(admin_client, "agreement")} == {"alpha", "gold", "self", "ceiling"}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_had_before_the_first_vote(client: Client, name: str) -> None:
    cast.open_study()
    rows_of(client, name)


def test_a_spreadsheet_takes_no_name_for_a_formula(admin_client: Client, study: Study) -> None:
    study.contenders.filter(name=cast.FC7).update(name="=cmd()")
    assert "'=cmd()" in {row["contender"] for row in rows_of(admin_client, "standings")}


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


def test_who_asks_again_is_told_that_nothing_changed_until_something_does(admin_client: Client, study: Study) -> None:
    tag = admin_client.get(PAGE).headers["ETag"]
    assert admin_client.get(PAGE, headers={"if-none-match": tag}).status_code == 304
    let_vote(study, 1, 1, seed=3)
    answer = admin_client.get(PAGE, headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


@pytest.mark.parametrize("page", [PAGE, f"{PAGE}wall/"])
def test_that_nothing_changed_leaves_the_kept_page_its_policy(client: Client, study: Study, page: str) -> None:
    """Firefox puts a policy that comes with this answer in the place of the page's, whose nonces it does not name."""
    whole = client.get(page)
    assert "'nonce-" in whole.headers["Content-Security-Policy"]
    answer = client.get(page, headers={"if-none-match": whole.headers["ETag"]})
    assert (answer.status_code, answer.headers.get("Content-Security-Policy")) == (304, None)
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_an_archived_contender_keeps_its_line(admin_client: Client, study: Study) -> None:
    archive_contender(study.contenders.get(name=cast.FC7))
    text = admin_client.get(PAGE).content.decode()
    assert "(archived)" in text


def test_the_planner_says_how_many_votes_more(admin_client: Client, study: Study) -> None:
    text = admin_client.get(f"{PAGE}plan/").content.decode()
    assert "Votes in all" in text or "has won" in text
    words: dict[str, Any] = {"best": 65, "second": 45, "contenders": 7, "overlap": 20, "effect": 1}
    assert "About <strong" in admin_client.get(f"{PAGE}plan/", words).content.decode()
    worse = admin_client.get(f"{PAGE}plan/", {**words, "best": 40}).content.decode()
    assert "The best is liked at least as much" in worse
    assert "About <strong" not in worse


def test_how_it_is_computed_can_be_read_by_everybody(client: Client) -> None:
    assert "confidence sequence" in client.get("/method/").content.decode()


def test_a_plot_that_is_saved_can_stand_on_a_slide(admin_client: Client, study: Study) -> None:
    svg = admin_client.get(f"{PAGE}plots/standings.svg").content.decode()
    for words in ("Match: Do these two match?", "300 votes · 37 voters", "UTC", "Share of dope"):
        assert words in svg, words
    assert "Rehearsal" not in svg


def test_whoever_accepts_less_is_told_who_would_do_and_how_many_votes_it_takes(study: Study) -> None:
    board = cast.board(study)
    found = acceptances_of(study, stored_sums_of(study), board)
    assert [one.margin for one in found] == list(MARGINS)
    # Near enough for one margin is near enough for all larger ones.
    for one, larger in pairwise(found):
        assert set(one.names) <= set(larger.names) or one.margin == 0
        if one.votes is not None and larger.votes is not None:
            assert larger.votes <= one.votes
    assert cast.FC6 in found[-1].names


def test_the_public_reads_the_acceptances_of_the_published_board(client: Client, study: Study) -> None:
    assert Reading(study).acceptances == []
    assert Reading(study, operator=True).acceptances
    close_study(study)
    study.refresh_from_db()
    assert Reading(study).acceptances
    assert 'id="acceptance-range"' in client.get(PAGE).content.decode()


def test_side_by_side_are_queries_on_which_the_two_differ_and_only_for_who_may_not_vote_on_them(
    client: Client, admin_client: Client, study: Study
) -> None:
    assert 'id="side-by-side"' not in client.get(PAGE).content.decode()
    assert 'id="side-by-side"' in admin_client.get(PAGE).content.decode()
    shown = Reading(study, operator=True).side_by_side
    assert (shown["first"], shown["second"]) == (cast.FC6, cast.FC7)
    assert 0 < len(shown["rows"]) <= 6
    for row in shown["rows"]:
        assert row["first"]["query"] == row["second"]["query"]
        assert row["first"]["candidate"] != row["second"]["candidate"]


def test_the_letter_has_the_verdict_and_what_to_do_and_is_for_whom_the_board_is(
    client: Client, admin_client: Client, study: Study
) -> None:
    let_vote(study, 900, 60, seed=9)
    refresh_report(study)
    text = admin_client.get(f"{PAGE}letter/").content.decode().replace("<wbr>", "")
    for words in ("net.fc6:l2 wins.", "By how much", "How sure", "What now", "Use net.fc6:l2.", "Side by side"):
        assert words in text, words
    Study.objects.update(board=BoardVisibility.PRIVATE)
    for path in ("letter/", "wall/"):
        assert client.get(PAGE + path).status_code == 404


@pytest.mark.parametrize(
    ("decision", "votes", "is_open", "told"),
    [
        ({"state": "decided", "winner": "a"}, 900, True, "use"),
        ({"reason": "rehearsal"}, 900, True, "end_rehearsal"),
        ({"reason": "not_beaten", "practically_best": ("a", "b")}, 900, True, "use_any"),
        ({"reason": "too_few_voters"}, 9, True, "invite"),
        ({"reason": "not_beaten", "missing": Missing(votes=4000, votes_low=900)}, 900, True, "invite"),
        ({"reason": "not_beaten", "missing": Missing(votes=400_000, votes_low=90_000)}, 900, True, "tie"),
        ({"reason": "not_beaten", "missing": Missing(votes=None, votes_low=90_000)}, 900, True, "tie"),
        ({"reason": "not_beaten"}, 900, False, "use_cheaper"),
    ],
)
def test_what_to_do_next_follows_from_what_is_known(
    decision: dict[str, Any], votes: int, is_open: bool, told: str
) -> None:
    found = Decision(**{"state": "collecting", "winner": None, "delta": 0.05, **decision})
    board = Board("s", votes, 0, 30, votes, found, (), Sampling("uniform", None), SetAside(0, 0, {}))
    assert board.advice(is_open=is_open) == told


def test_the_wall_shows_what_was_published_to_operators_too_and_the_code_to_open_studies(
    client: Client, admin_client: Client, study: Study
) -> None:
    for browser in (client, admin_client):
        text = browser.get(f"{PAGE}wall/").content.decode()
        assert 'data-count="0"' in text
        assert "/play/match/qr.svg" in text
    assert client.get("/play/match/qr.svg")["Content-Type"] == "image/svg+xml"
    assert "/play/match/qr.svg" in client.get("/play/match/poster/").content.decode()
    close_study(study)
    assert client.get("/play/match/qr.svg").status_code == client.get("/play/match/poster/").status_code == 404
    assert "By how much" in client.get(f"{PAGE}wall/").content.decode()


def test_cells_are_coloured_by_the_evidence_that_decides_not_by_a_chance(study: Study) -> None:
    duels = cast.duels(study)
    assert duels.relative_evidence(cast.FC6, cast.FC6) is None
    for first in duels.contenders:
        for second in duels.contenders:
            if first != second:
                sure, other = duels.relative_evidence(first, second), duels.relative_evidence(second, first)
                assert sure is not None
                assert other is not None
                assert sure == -other or 0 in (sure, other)
                bar = math.log10(len(duels.contenders) / 0.05)
                assert (sure >= 1) == (duels.duel_of(first, second).evidence >= bar)
