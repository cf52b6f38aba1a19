"""Forgotten means forgotten: at every address, and for what was on its way."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from evalapp.studies.models import Study
from evalapp.training.services.voter_tastes import taste_of
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Vote
from evalapp.voting.queries.my_votes import AGREEMENT_FROM
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.undo import undo_votes
from evalapp.voting.services.vote_casting import Ballot, Status, cast_votes
from evalapp.voting.services.voters import forget_voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=24)


def test_whoever_still_holds_the_cookie_is_somebody_new_at_every_address(study: Study) -> None:
    ada = cast.ada()
    browser = cast.browser_of(ada)
    cast.play(browser, study, 7)
    kept = browser.cookies.copy()
    browser.post("/api/v1/me/forget/", {}, content_type="application/json")
    browser.cookies = kept
    assert browser.get("/api/v1/studies/match/yours/").json() == {
        "answered": 0, "agreement": None, "until_agreement": AGREEMENT_FROM, "last": []
    }  # fmt: skip
    assert 'data-answered="0"' in browser.get("/play/match/").content.decode()
    assert taste_of(ada, study) is None


@pytest.mark.parametrize("address", ["me/forget/", "votes/undo/", "votes/", "studies/match/deck/"])
@pytest.mark.parametrize(
    "sent_as", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_what_another_site_can_send_unasked_is_not_read(study: Study, address: str, sent_as: str) -> None:
    browser = cast.browser_of(cast.ada())
    cast.play(browser, study, 3)
    answer = browser.generic("POST", f"/api/v1/{address}", b"", content_type=sent_as)
    assert answer.status_code == 415
    assert browser.get("/api/v1/studies/match/yours/").json()["answered"] == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verdict", ["nope", "report"])
def test_an_answer_given_again_while_its_voter_is_forgotten_waits_and_is_nobodys(study: Study, verdict: str) -> None:
    """An answer that was taken back gets the closer look, and so does a report."""
    ada = cast.ada()
    (exposure,) = serve_deck(study, ada, 1)
    ballot = Ballot(sign_token(exposure.token), "dope", 900, "first")
    cast_votes(ada, [ballot])
    undo_votes(ada, 1)
    told: list[Status] = []

    def answer_again() -> None:
        receipts = cast_votes(ada, [Ballot(ballot.token, verdict, 800, "again")])
        told.extend(receipt.status for receipt in receipts)
        connection.close()

    with transaction.atomic():
        forget_voter(ada)
        thread = threading.Thread(target=answer_again)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join()
    assert told == [Status.UNKNOWN]
    assert set(Vote.objects.filter(voter=ada).values_list("client_id", "response_ms")) == {("", None)}
