"""`POST studies/{slug}/deck/`: new pairs for one voter."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from scipy.stats import chisquare

from evalapp.studies.models import Pair, Query, Study, StudyState
from evalapp.voting.models import Exposure, Voter
from evalapp.voting.services.deck_serving import serve_deck
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


def test_a_deck_shows_two_pictures_and_a_token(study: Study) -> None:
    shown = cast.deck(cast.browser_of(), study, 1)[0]
    assert set(shown) == {"token", "query", "candidate"}
    exposure = cast.exposure_of(shown)
    for side, item in (("query", exposure.pair.query.item), ("candidate", exposure.pair.candidate)):
        assert set(shown[side]) == {"image", "srcset", "jpeg", "width", "height", "alt"}
        assert cast.picture_at(shown[side]["image"]) == item.picture.public_id
        assert (shown[side]["width"], shown[side]["height"]) == (96, 128)
    assert shown["query"]["alt"] == "First picture"
    assert shown["candidate"]["alt"] == "Second picture"


def test_it_shows_first_choices_only(study: Study) -> None:
    shown = cast.deck(cast.browser_of(), study, 50)
    pairs = {cast.exposure_of(one).pair_id for one in shown}
    assert pairs == set(Pair.objects.filter(slot__isnull=False).values_list("pk", flat=True))


def test_ada_sees_no_pair_twice_and_is_told_when_nothing_is_left(study: Study) -> None:
    browser = cast.browser_of(cast.ada())
    seen = [one["token"] for _ in range(5) for one in cast.deck(browser, study, 4)]
    assert len(seen) == len(set(seen)) == 16
    answer = browser.post("/api/v1/studies/match/deck/", {"n": 4}, content_type="application/json")
    assert answer.json() == {"exposures": [], "exhausted": True}


def test_cleo_is_told_that_there_is_nothing_left(study: Study) -> None:
    assert cast.deck(cast.browser_of(cast.cleo(study)), study) == []


def test_a_deck_is_of_ten_unless_asked_otherwise(study: Study) -> None:
    answer = cast.browser_of().post("/api/v1/studies/match/deck/", {}, content_type="application/json")
    assert len(answer.json()["exposures"]) == 10
    assert answer.json()["exhausted"] is False


@pytest.mark.parametrize("n", [0, 51, -1, "many", None])
def test_a_number_that_is_off_is_refused(study: Study, n: object) -> None:
    answer = cast.browser_of().post("/api/v1/studies/match/deck/", {"n": n}, content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["n"]
    assert not Exposure.objects.exists()


def test_an_unknown_study_is_not_found() -> None:
    answer = cast.browser_of().post("/api/v1/studies/nothing/deck/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (StudyState.DRAFT, (404, "not_found")),
        (StudyState.READY, (404, "not_found")),
        (StudyState.CLOSED, (409, "closed")),
    ],
)
def test_only_open_studies_are_served(study: Study, state: StudyState, told: tuple[int, str]) -> None:
    Study.objects.update(state=state)
    answer = cast.browser_of().post("/api/v1/studies/match/deck/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == told
    assert not Voter.objects.exists()


def test_the_first_deck_makes_a_voter_and_the_next_one_knows_them(study: Study) -> None:
    browser = Client()
    cast.deck(browser, study, 1)
    cast.deck(browser, study, 1)
    assert Voter.objects.count() == 1
    assert Exposure.objects.filter(voter=Voter.objects.get()).count() == 2


def test_what_was_not_answered_is_offered_again_when_its_lease_has_run_out(study: Study) -> None:
    voter = cast.ada()
    browser = cast.browser_of(voter)
    first = cast.deck(browser, study, 3)
    assert not {one["token"] for one in first} & {one["token"] for one in cast.deck(browser, study, 3)}
    cast.let_leases_run_out(voter)
    again = cast.deck(browser, study, 5)
    assert {one["token"] for one in first} <= {one["token"] for one in again}
    assert Exposure.objects.count() == 6


def test_a_lease_begins_anew_when_it_is_offered_again(study: Study) -> None:
    voter = cast.ada()
    cast.deck(cast.browser_of(voter), study, 3)
    cast.let_leases_run_out(voter)
    cast.deck(cast.browser_of(voter), study, 3)
    assert Exposure.objects.filter(leased_until__gt=timezone.now() + timedelta(minutes=1)).count() == 3


def test_the_probability_of_the_draw_is_stored(study: Study) -> None:
    """In a large pool it is 1 / (Q slots), with queries without pairs left out of Q."""
    large = cast.open_study("large", queries=120)
    Query.objects.filter(study=large, position__gte=80).update(slots=0)
    Pair.objects.filter(study=large, query__position__gte=80).update(slot=None)
    for _ in range(15):
        # One each: of somebody who saw much of the pool only the rest is drawn.
        serve_deck(large, Voter.objects.create(), 1)
    for exposure in Exposure.objects.select_related("pair__query"):
        assert exposure.propensity == pytest.approx(1 / (80 * exposure.pair.query.slots))
    assert Exposure.objects.count() == 15


def test_when_much_was_seen_only_the_rest_is_drawn_with_probabilities_that_say_so(study: Study) -> None:
    voter = cast.ada()
    exposures = [serve_deck(study, voter, 1)[0].pk for _ in range(16)]
    stored = Exposure.objects.select_related("pair__query").in_bulk(exposures)
    slots = [stored[pk].pair.query.slots for pk in exposures]
    for turn, pk in enumerate(exposures):
        left = sum(1 / (8 * one) for one in slots[turn:])
        assert stored[pk].propensity == pytest.approx(1 / (8 * slots[turn]) / left)
    assert stored[exposures[-1]].propensity == 1.0


def test_one_large_deck_and_many_small_ones_follow_the_same_law(study: Study) -> None:
    exposures = [exposure.pk for exposure in serve_deck(study, cast.ada(), 16)]
    stored = Exposure.objects.select_related("pair__query").in_bulk(exposures)
    slots = [stored[pk].pair.query.slots for pk in exposures]
    expected = [1 / slots[turn] / sum(1 / one for one in slots[turn:]) for turn in range(16)]
    assert [stored[pk].propensity for pk in exposures] == pytest.approx(expected)


@pytest.mark.parametrize("queries", [8, 100])
def test_pairs_come_as_often_as_their_probability_says(queries: int) -> None:
    """First pairs of 500 voters: from a small pool drawn by keys, from a large one by query and slot."""
    pool = cast.open_study("law", queries=queries)
    rng = np.random.default_rng(3)
    first = Counter(serve_deck(pool, cast.ada(), 1, rng)[0].pair_id for _ in range(500))
    rows = Pair.objects.filter(study=pool, slot__isnull=False).values_list("pk", "query__slots")
    by_slots: Counter[int] = Counter()
    expected: dict[int, float] = dict.fromkeys((1, 2, 3), 0.0)
    for pair, slots in rows:
        by_slots[slots] += first[pair]
        expected[slots] += 500 / (queries * slots)
    assert chisquare([by_slots[k] for k in (1, 2, 3)], [expected[k] for k in (1, 2, 3)]).pvalue > 0.001
    assert len(first) > 0.8 * len(rows)
