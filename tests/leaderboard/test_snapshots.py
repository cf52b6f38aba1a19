"""The board as it was: kept as votes grow, at moments promised beforehand, and never changed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.software import software
from evalapp.leaderboard.models import Appointment, Report, Snapshot
from evalapp.leaderboard.pages.board_view import course_of
from evalapp.leaderboard.services import declare_snapshot, keep_appointments, snapshot_if_due, take_snapshot
from evalapp.leaderboard.tasks import tend_boards
from evalapp.studies.models import Study
from evalapp.studies.services import close_study
from tests import cast
from tests.leaderboard.crowds import let_vote, voted_study

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def swipe(study: Study, votes: int) -> None:
    let_vote(study, votes, voters=1)


def test_it_keeps_the_document_of_the_board_and_what_made_it() -> None:
    study = voted_study(100)
    kept = take_snapshot(study)
    kept.refresh_from_db()
    document = json.loads(json.dumps(cast.board(study).as_json()))
    assert kept.document == {**document, "software": software()}
    assert (kept.votes, kept.declared, kept.method_version) == (100, False, document["method"])


def test_one_is_kept_after_ten_votes_and_then_as_they_grow() -> None:
    study = cast.open_study(queries=40)
    swipe(study, 9)
    assert snapshot_if_due(study) is None
    swipe(study, 1)
    assert snapshot_if_due(study) is not None
    assert snapshot_if_due(study) is None
    swipe(study, 10)
    assert snapshot_if_due(study) is not None
    assert [one.votes for one in Snapshot.objects.all()] == [10, 20]


def test_the_end_of_a_study_is_kept_however_few_votes_came_last() -> None:
    study = cast.open_study(queries=40)
    swipe(study, 10)
    snapshot_if_due(study)
    swipe(study, 1)
    close_study(study)
    study.refresh_from_db()
    assert snapshot_if_due(study) is not None
    assert snapshot_if_due(study) is None


def test_a_study_nobody_voted_on_leaves_nothing() -> None:
    study = cast.open_study()
    close_study(study)
    study.refresh_from_db()
    assert snapshot_if_due(study) is None


def test_what_was_promised_is_kept_once_and_bears_fixed_time_intervals() -> None:
    study = voted_study(400)
    promise = declare_snapshot(study, timezone.now() + timedelta(hours=1))
    assert keep_appointments() == []
    later = timezone.now() + timedelta(hours=2)
    (kept,) = keep_appointments(later)
    assert keep_appointments(later) == []
    promise.refresh_from_db()
    assert promise.snapshot == kept
    assert kept.declared
    fixed = {line["contender"]: line for line in kept.document["fixed_time"]}
    for line in kept.document["standings"]:
        mine = fixed[line["contender"]]
        assert mine["approval"] == pytest.approx(line["approval"], abs=0.02)
        # At one moment fixed beforehand one may be surer than at all of them.
        assert mine["high"] - mine["low"] < line["high"] - line["low"]
        assert mine["low"] < mine["approval"] < mine["high"]


def test_a_promise_is_for_the_future_and_given_once() -> None:
    study = cast.open_study()
    with pytest.raises(InvalidInput, match="moment to come"):
        declare_snapshot(study, timezone.now() - timedelta(seconds=1))
    moment = timezone.now() + timedelta(days=1)
    declare_snapshot(study, moment)
    with pytest.raises(Conflict, match="already"):
        declare_snapshot(study, moment)


def test_a_long_course_is_thinned_and_keeps_its_ends() -> None:
    study = cast.open_study()
    document = cast.board(study).as_json()
    Snapshot.objects.bulk_create(
        Snapshot(study=study, method_version="2", votes=votes, document=document) for votes in range(150)
    )
    votes = [one.votes for one in course_of(study, 20)]
    assert len(votes) == 20
    assert (votes[0], votes[-1]) == (0, 149)
    assert votes == sorted(set(votes))


def test_the_clock_tends_open_studies_and_those_just_closed() -> None:
    study = voted_study(60)
    closed = voted_study(30, slug="over")
    close_study(closed)
    voted_study(30, slug="other")
    tend_boards()
    assert {one.study.slug for one in Snapshot.objects.all()} == {"match", "over", "other"}
    assert {one.study.slug for one in Report.objects.all()} == {"match", "over", "other"}
    made = dict(Report.objects.values_list("study__slug", "made_at"))
    swipe(study, 1)
    tend_boards()
    renewed = dict(Report.objects.values_list("study__slug", "made_at"))
    assert {slug for slug, moment in renewed.items() if moment != made[slug]} == {"match"}


def test_the_command_keeps_and_declares(capsys: pytest.CaptureFixture[str]) -> None:
    study = voted_study(50)
    call_command("snapshot", "match", "--json")
    assert json.loads(capsys.readouterr().out)["votes"] == 50
    assert Report.objects.filter(study=study).exists()
    call_command("snapshot", "match", "--at", "2031-05-17T12:00")
    assert Appointment.objects.get().due_at.isoformat() == "2031-05-17T12:00:00+00:00"
    for words in ("noon", "2031-99-17T12:00", "2001-01-01T00:00"):
        with pytest.raises(CommandError) as caught:
            call_command("snapshot", "match", "--at", words)
        assert caught.value.returncode == 2


def test_the_history_shows_them_newest_first_and_each_by_itself(client: Client) -> None:
    study = voted_study(100)
    first = take_snapshot(study)
    swipe(study, 5)
    second = take_snapshot(study)
    # While people vote, snapshots are the operators'.
    assert "/history/1" not in client.get("/leaderboard/match/history/").content.decode()
    assert client.get(f"/leaderboard/match/history/{first.pk}/").status_code == 404
    close_study(study)
    text = client.get("/leaderboard/match/history/").content.decode()
    assert text.index(f"/history/{second.pk}/") < text.index(f"/history/{first.pk}/")
    page = client.get(f"/leaderboard/match/history/{first.pk}/")
    assert "The board after 100 votes" in page.content.decode()
    document = client.get(f"/leaderboard/match/history/{first.pk}/?format=json")
    assert json.loads(document.content) == first.document
    assert client.get("/leaderboard/match/history/999999/").status_code == 404


def test_a_snapshot_of_another_study_is_not_found(client: Client) -> None:
    voted_study(20)
    other = take_snapshot(voted_study(20, slug="other"))
    assert client.get(f"/leaderboard/match/history/{other.pk}/").status_code == 404


def test_operators_declare_on_the_page_and_visitors_cannot(client: Client, admin_client: Client) -> None:
    cast.open_study()
    answer = admin_client.post("/leaderboard/match/history/declare/", {"due_at": "2031-05-17T12:00"}, follow=True)
    assert "A snapshot is declared for 2031-05-17 12:00 UTC." in answer.content.decode()
    answer = admin_client.post("/leaderboard/match/history/declare/", {"due_at": "soon"}, follow=True)
    assert "That is no moment" in answer.content.decode()
    answer = client.post("/leaderboard/match/history/declare/", {"due_at": "2031-05-18T12:00"})
    assert answer.headers["Location"].startswith("/admin/login/")
    assert Appointment.objects.count() == 1
