"""Voters are chosen and put in order by the database as a slow look at all of them would, at the price of a page."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evalapp.core.domain.errors import InvalidInput
from evalapp.studies.models import Study
from evalapp.voting.models import Voter
from evalapp.voting.queries.voter_lists import ORDERS, STATES, listed_voters
from evalapp.voting.queries.voter_quality import VoterLine, lines_of
from tests import cast
from tests.voting.crowded import crowd

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LIKE: dict[str, Callable[[VoterLine], bool]] = {
    "": lambda _: True,
    "counts": lambda line: line.blocked_at is None,
    "blocked": lambda line: line.blocked_at is not None,
    "trusted": lambda line: line.trusted,
    "simulated": lambda line: line.is_simulated,
}
LAST = float("inf")
FIRST: dict[str, Callable[[VoterLine], float]] = {
    "": lambda line: line.blocked_at is None,
    "answers": lambda line: -line.answers,
    "honesty": lambda line: round(line.honesty, 9),
    "again": lambda line: LAST if line.self_agreement is None else line.self_agreement,
    "fast": lambda line: LAST if line.median_ms is None else line.median_ms,
    "run": lambda line: line.straight_lining,
    "address": lambda line: -line.neighbours,
}


@pytest.fixture
def study() -> Study:
    study = cast.open_study(queries=20)
    crowd(study, 60, 12)
    return study


def test_the_words_are_those_of_the_slow_look() -> None:
    assert (set(LIKE) - {""}, set(FIRST) - {""}) == (set(STATES), set(ORDERS))


@pytest.mark.parametrize("order", FIRST)
@pytest.mark.parametrize("state", LIKE)
def test_the_database_chooses_as_a_slow_look_at_everybody(study: Study, state: str, order: str) -> None:
    everybody = lines_of(study, list(Voter.objects.values_list("pk", flat=True)))
    wanted = [line for line in everybody if LIKE[state](line)]
    assert 1 < len(wanted) < len(everybody) or not state
    wanted.sort(key=lambda line: (FIRST[order](line), line.blocked_at is None, -line.answers, line.voter))
    pages = [listed_voters(study, state=state, order=order, limit=7, offset=start) for start in range(0, 70, 7)]
    found = [line for page in pages for line in page.lines]
    assert [FIRST[order](line) for line in found] == [FIRST[order](line) for line in wanted]
    if order != "fast":
        # There the page shows whole milliseconds, and the database looks at halves, too.
        assert found == wanted
    assert {(page.found, page.all) for page in pages} == {(len(wanted), len(everybody))}


def test_orders_tell_people_apart(study: Study) -> None:
    """A crowd of whom all were equal would prove nothing."""
    everybody = lines_of(study, list(Voter.objects.values_list("pk", flat=True)))
    assert all(len({first(line) for line in everybody}) > 1 for first in FIRST.values())
    assert any(line.self_agreement is None for line in everybody)


def test_lines_come_in_the_order_asked_for_and_nobody_else_does(study: Study) -> None:
    some = list(Voter.objects.order_by("-pk").values_list("pk", flat=True)[:5])
    stranger = UUID(int=1)
    assert [line.voter for line in lines_of(study, [*some, stranger])] == some


@pytest.mark.parametrize("order", FIRST)
def test_ten_times_the_voters_cost_no_statement_more(study: Study, order: str) -> None:
    with CaptureQueriesContext(connection) as few:
        listed_voters(study, state="counts", order=order, limit=20)
    crowd(other := cast.open_study("other", queries=20, catalogue=study.catalogue), 600, 12)
    with CaptureQueriesContext(connection) as many:
        assert listed_voters(other, state="counts", order=order, limit=20).found > 200
    assert len(few) == len(many) == 2


@pytest.mark.parametrize("words", [{"state": "asleep"}, {"order": "id; DROP TABLE voting_vote"}])
def test_words_that_nobody_knows_are_refused_with_those_there_are(study: Study, words: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"counts|answers"):
        listed_voters(study, **words)  # type: ignore[arg-type]
