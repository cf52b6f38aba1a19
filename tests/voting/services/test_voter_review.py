"""The edges of what sets a voter aside by itself: at each number one side is left alone and the other is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection

from evalapp.studies.models import Study
from evalapp.voting.domain.void_reasons import BURST, REPORTS, TOO_FAST
from evalapp.voting.models import Exposure, Vote, Voter
from evalapp.voting.services.pair_counts import change_counts, counts_of
from evalapp.voting.services.voter_review import review_voters
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PERSONS_MS = 900


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=16)


def database_now() -> datetime:
    """The database's clock, which stands still for the length of a test."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
    return now


def answer(
    study: Study,
    voter: Voter,
    verdicts: list[str],
    *,
    ms: int = PERSONS_MS,
    within: timedelta = timedelta(minutes=5),
    quiet: timedelta = timedelta(minutes=10),
) -> list[Vote]:
    """Answers of which the last came `within` so long after the first card, and which ended `quiet` ago."""
    last = database_now() - quiet
    pairs = study.pairs.order_by("pk").values_list("pk", flat=True)[: len(verdicts)]
    assert len(pairs) == len(verdicts)
    exposures = Exposure.objects.bulk_create(
        Exposure(
            voter=voter, study=study, pair_id=pair, propensity=0.1, served_at=last - within, leased_until=last,
            answered_at=last,
        )
        for pair in pairs
    )  # fmt: skip
    votes = Vote.objects.bulk_create(
        Vote(
            exposure=exposure, study=study, pair_id=exposure.pair_id, voter=voter, verdict=verdict, response_ms=ms,
            voted_at=last,
        )
        for exposure, verdict in zip(exposures, verdicts, strict=True)
    )  # fmt: skip
    change_counts(counts_of(votes))
    return votes


@pytest.mark.parametrize(("verdicts", "ms", "is_blocked"), [(20, 249, True), (20, 250, False), (19, 249, False)])
def test_twenty_verdicts_told_to_take_less_than_a_quarter_of_a_second_are_too_fast(
    study: Study, verdicts: int, ms: int, is_blocked: bool
) -> None:
    bo = cast.bo()
    answer(study, bo, ["dope"] * verdicts, ms=ms)
    assert review_voters() == ([bo.pk] if is_blocked else [])
    assert Voter.objects.get().block_reason == (TOO_FAST if is_blocked else "")


@pytest.mark.parametrize(
    ("verdicts", "seconds", "is_blocked"), [(8, 1.5, True), (7, 1.0, False), (11, 2.0, True), (10, 2.0, False)]
)
def test_eight_verdicts_at_more_than_five_a_second_are_too_fast_whatever_they_tell(
    study: Study, verdicts: int, seconds: float, is_blocked: bool
) -> None:
    bo = cast.bo()
    answer(study, bo, ["nope"] * verdicts, within=timedelta(seconds=seconds))
    assert review_voters() == ([bo.pk] if is_blocked else [])


@pytest.mark.parametrize(
    ("reports", "others", "is_blocked"), [(20, 0, True), (19, 0, False), (11, 9, True), (10, 10, False)]
)
def test_more_than_half_of_twenty_answers_must_be_reports(
    study: Study, reports: int, others: int, is_blocked: bool
) -> None:
    bo = cast.bo()
    answer(study, bo, ["report"] * reports + ["nope"] * others)
    assert review_voters() == ([bo.pk] if is_blocked else [])
    assert Voter.objects.get().block_reason == (REPORTS if is_blocked else "")


@pytest.mark.parametrize(("votes_since", "is_blocked"), [(19_980, True), (19_981, False)])
def test_only_the_newest_twenty_thousand_votes_are_looked_at(study: Study, votes_since: int, is_blocked: bool) -> None:
    bo, ada = cast.bo(), cast.ada()
    hasty = answer(study, bo, ["dope"] * 20, ms=100)
    (later,) = answer(study, ada, ["dope"])
    Vote.objects.filter(pk=later.pk).update(id=hasty[-1].pk + votes_since)
    assert review_voters() == ([bo.pk] if is_blocked else [])


@pytest.mark.parametrize(
    ("crowd", "stays", "others", "others_stay", "is_burst"),
    [
        (30, 0, 20, 5, True),
        (29, 0, 20, 5, False),
        (40, 2, 20, 5, True),
        (40, 3, 20, 5, False),
        (30, 0, 19, 19, False),
        (30, 0, 20, 4, False),
    ],
)
def test_a_crowd_of_one_address_that_leaves_where_others_stay_is_a_burst(
    study: Study, crowd: int, stays: int, others: int, others_stay: int, is_burst: bool
) -> None:
    """Thirty of whom at most a twentieth stays, among twenty others of whom at least a quarter does."""
    left = _come(study, crowd - stays, "here", timedelta(seconds=10))
    _come(study, stays, "here", timedelta(minutes=3))
    _come(study, others - others_stay, "", timedelta(seconds=10))
    _come(study, others_stay, "", timedelta(minutes=3))
    assert set(review_voters()) == (left if is_burst else set())
    assert Voter.objects.filter(block_reason=BURST).count() == (len(left) if is_burst else 0)


@pytest.mark.parametrize(
    ("within", "quiet", "is_burst"),
    [
        (timedelta(seconds=60), timedelta(minutes=10), True),
        (timedelta(seconds=60.5), timedelta(minutes=10), False),
        (timedelta(seconds=10), timedelta(seconds=30.5), True),
        (timedelta(seconds=10), timedelta(seconds=30), False),
    ],
)
def test_who_answers_after_a_minute_has_stayed_and_who_is_silent_for_half_a_minute_has_left(
    study: Study, within: timedelta, quiet: timedelta, is_burst: bool
) -> None:
    left = _come(study, 30, "here", within, quiet)
    _come(study, 20, "", timedelta(minutes=3))
    assert set(review_voters()) == (left if is_burst else set())


def test_visitors_who_come_after_a_burst_are_no_new_beginning(study: Study) -> None:
    first = _come(study, 30, "here", timedelta(seconds=10))
    _come(study, 20, "", timedelta(minutes=3))
    assert set(review_voters()) == first
    next_ones = _come(study, 3, "here", timedelta(seconds=10))
    assert set(review_voters()) == next_ones


def _come(
    study: Study, voters: int, address: str, within: timedelta, quiet: timedelta = timedelta(minutes=10)
) -> set[object]:
    """So many new visitors with one answer each; their ids."""
    came = Voter.objects.bulk_create(Voter(address=address) for _ in range(voters))
    for voter in came:
        answer(study, voter, ["dope"], within=within, quiet=quiet)
    return {voter.pk for voter in came}
