"""Votes of a simulated crowd are a rehearsal: they are called so everywhere, and decide nothing unless told."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.test import Client

from evalapp.leaderboard.models import BoardState
from evalapp.leaderboard.services import board_of, take_snapshot, update_sums
from evalapp.studies.models import Study
from evalapp.voting.models import Vote
from evalapp.webhooks.models import Delivery
from evalapp.webhooks.services import add_webhook
from tests import cast
from tests.leaderboard.crowds import let_vote

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def made_up(votes: int = 1200, voters: int = 60) -> Study:
    """A study in which a simulated crowd alone would have decided."""
    study = cast.open_study(queries=40)
    call_command(
        "simulate_votes", study.slug, "--votes", str(votes), "--voters", str(voters), "--taste", "category:0.9,0.2",
        stdout=io.StringIO(),
    )  # fmt: skip
    return study


def test_a_simulated_crowd_decides_nothing_and_the_board_says_what_it_would_have_decided() -> None:
    add_webhook("https://example.org/hook", ["winner.decided"])
    board = cast.board(made_up())
    assert board.is_rehearsal
    assert board.simulated_share == 1
    decision = board.decision
    assert (decision.state, decision.winner, decision.reason) == ("collecting", None, "rehearsal")
    assert (decision.leader, decision.kind) == (cast.FC6, "best")
    assert board.advice(is_open=True) == "end_rehearsal"
    assert not Delivery.objects.exists()


def test_told_so_it_decides_and_the_webhook_says_that_the_votes_were_made_up() -> None:
    add_webhook("https://example.org/hook", ["winner.decided"], is_live=True)
    study = made_up()
    assert cast.board(study).decision.winner is None
    call_command("simulate_votes", study.slug, "--votes", "10", "--seed", "5", "--decide", stdout=io.StringIO())
    board = cast.board(study)
    assert (board.decision.winner, board.is_rehearsal) == (cast.FC6, True)
    assert Delivery.objects.get().payload["simulated"] == board.simulated


def test_when_the_rehearsal_ends_only_peoples_votes_are_left_and_decide() -> None:
    study = made_up()
    cast.board(study)
    out = io.StringIO()
    call_command("end_rehearsal", study.slug, stdout=out)
    assert "1,200 simulated votes are set aside" in out.getvalue()
    board = cast.board(study)
    assert (board.votes, board.simulated, board.decision.reason) == (0, 0, "no_votes")
    assert board.set_aside.reasons == {"rehearsal": 1200}
    let_vote(study, 1200, 60, seed=3)
    board = board_of(study)
    assert (board.decision.winner, board.is_rehearsal) == (cast.FC6, False)


def test_a_winner_that_an_older_version_declared_from_made_up_votes_is_withdrawn() -> None:
    study = made_up()
    update_sums(study)
    state = BoardState.objects.get()
    state.winner = study.contenders.get(name=cast.FC6)
    state.decided_kind, state.decided_votes, state.decided_vote = "best", 1000, state.looked_vote
    state.save()
    cast.answered_exposure(study, cast.ada())
    assert cast.board(study).decision.reason == "rehearsal"


def test_page_plots_json_and_snapshots_say_rehearsal(admin_client: Client) -> None:
    study = made_up()
    update_sums(study)
    kept = take_snapshot(study)
    for path in ("", "letter/", "plots/standings.svg", f"history/{kept.pk}/", "plan/"):
        assert "Rehearsal" in admin_client.get(f"/leaderboard/match/{path}").content.decode(), path
    document = admin_client.get("/api/v1/studies/match/leaderboard/").json()
    assert (document["rehearsal"], document["decision"]["reason"]) == (True, "rehearsal")
    assert kept.document["rehearsal"] is True
    text = io.StringIO()
    call_command("leaderboard", "match", stdout=text)
    assert "REHEARSAL" in text.getvalue()
    assert "end_rehearsal" in text.getvalue()


def test_operators_end_it_over_http_and_in_the_lab_and_nobody_else_does(client: Client, admin_client: Client) -> None:
    made_up(20, 2)
    assert client.delete("/api/v1/studies/match/rehearsal/").status_code in (401, 403)
    assert admin_client.delete("/api/v1/studies/match/rehearsal/").json() == {"votes": 20}
    assert admin_client.post("/lab/studies/match/rehearsal/").status_code == 302
    assert not Vote.objects.filter(counted=True).exists()
