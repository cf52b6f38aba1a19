"""The vote path costs the same however many votes there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evalapp.studies.models import Study
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Voter
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.undo import undo_votes
from evalapp.voting.services.vote_casting import Ballot, cast_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def statements(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as caught:
        work()
    return len(caught)


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=200)


def deck(study: Study, voter: Voter, n: int) -> list[Ballot]:
    return [Ballot(sign_token(exposure.token), "dope") for exposure in serve_deck(study, voter, n)]


def test_a_deck_costs_as_many_statements_for_one_pair_as_for_thirty(study: Study) -> None:
    serve_deck(study, cast.ada(), 1)
    one = statements(lambda: serve_deck(study, cast.ada(), 1))
    many = statements(lambda: serve_deck(study, cast.ada(), 30))
    # Thirty may need a second round of draws: two statements.
    assert many <= one + 2 <= 12


def test_a_batch_of_votes_costs_as_many_statements_as_one_vote(study: Study) -> None:
    voter = cast.ada()
    one, many = deck(study, voter, 1), deck(study, voter, 30)
    single = statements(lambda: cast_votes(voter, one))
    assert statements(lambda: cast_votes(voter, many)) == single <= 3


def test_votes_of_others_make_nothing_dearer(study: Study) -> None:
    def costs() -> list[int]:
        voter = cast.ada()
        ballots: list[Ballot] = []
        return [
            statements(lambda: ballots.extend(deck(study, voter, 3))),
            statements(lambda: cast_votes(voter, ballots)),
            statements(lambda: cast_votes(voter, ballots)),
            statements(lambda: undo_votes(voter, 2)),
        ]

    costs()
    before = costs()
    for _ in range(4):
        cast_votes(voter := cast.bo(), deck(study, voter, 35))
    assert costs() == before


def test_forged_tokens_cost_no_look_at_the_exposures(study: Study) -> None:
    voter = cast.ada()
    forged = [Ballot(f"{'0' * 32}:{number}", "dope") for number in range(50)]
    with CaptureQueriesContext(connection) as caught:
        cast_votes(voter, forged)
    assert not [one for one in caught.captured_queries if "voting_exposure" in one["sql"]]
