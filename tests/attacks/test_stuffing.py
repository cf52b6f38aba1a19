"""A hundred cookies of one machine decide nothing, and nobody who shares an address with others pays for it."""

from __future__ import annotations

import pytest

from evalapp.studies.models import Study
from evalapp.voting.models import Vote, Voter
from evalapp.voting.services import voter_review
from evalapp.voting.services.voters import unblock_address
from tests.attacks import note, sized
from tests.attacks.arena import BEST, arena
from tests.attacks.stuffing import COOKIES, PACES, VOTES_EACH, honest_crowd, stuff

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return arena(queries=60)


@pytest.mark.parametrize("pace", PACES)
def test_a_machine_full_of_cookies_is_set_aside_and_a_hall_is_not(study: Study, pace: str) -> None:
    found = stuff(study, pace)
    note(
        f"100 cookies × 19 votes for one contender beside 2,000 honest votes: {pace}",
        "≥ 0.8 set aside within a minute, ≤ 0.02 of others, no wrong winner",
        f"{found.cookies_aside:.2f} set aside, {found.hall_aside:.2f} of a hall, {found.honest_aside:.2f} of others",
    )
    assert found.cookies_aside >= 0.8
    assert max(found.hall_aside, found.honest_aside) <= 0.02
    assert found.winner in (None, BEST)


@pytest.mark.parametrize("pace", PACES)
def test_without_the_review_the_cookies_stay(study: Study, pace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was when only voters with twenty verdicts were looked at, each for themselves."""
    monkeypatch.setattr(voter_review, "_FEWEST_AT_ONCE", VOTES_EACH + 1)
    monkeypatch.setattr(voter_review, "_burst_voters", list)
    assert stuff(study, pace).cookies_aside == 0


def test_a_burst_can_be_taken_back(study: Study) -> None:
    stuff(study, "side by side, as fast as people")
    cookies = Voter.objects.filter(address="machine")
    assert set(cookies.values_list("block_reason", flat=True)) == {"burst"}
    one = cookies.first()
    assert one is not None
    assert unblock_address(one) == COOKIES * VOTES_EACH
    assert voter_review.review_voters() == []
    assert Vote.objects.filter(voter__address="machine", counted=False).count() == 0


@pytest.mark.parametrize(("people", "answers"), [(100, 24), (40, 24), (40, 12), (300, 24)])
def test_halls_schools_and_offices_are_left_alone(study: Study, people: int, answers: float) -> None:
    """Many people of one address; also where half of them answer no more than a dozen pairs."""
    aside = [honest_crowd(study, people, seed, median_answers=answers) for seed in range(sized(1, 10))]
    share = sum(aside) / len(aside)
    attack = f"{people} honest people behind one address, half of whom answer {answers:g} pairs or fewer"
    note(attack, "≤ 0.02 set aside", f"{share:.3f}, mean of {len(aside)}")
    assert share <= 0.02
