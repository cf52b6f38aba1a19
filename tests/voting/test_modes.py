"""Two alternatives and grids: several pairs of one query shown together, each answered by its own token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import Client

from evalapp.studies.models import Pair, Study, StudyMode
from evalapp.voting.models import Exposure, Vote
from evalapp.voting.services.deck_serving import serve_deck
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def study_of(mode: str, queries: int = 8) -> Study:
    study = cast.open_study(queries=queries)
    study.mode = mode
    study.save()
    return study


def groups(browser: Client, n: int = 10) -> list[dict[str, Any]]:
    answer = browser.post("/api/v1/studies/match/deck/", {"n": n}, content_type="application/json").json()
    assert answer["exposures"] == []
    assert answer["exhausted"] is not bool(answer["groups"])
    return answer["groups"]


def answers(group: dict[str, Any], *verdicts: str) -> list[dict[str, Any]]:
    return [{"token": one["token"], "verdict": said} for one, said in zip(group["candidates"], verdicts, strict=True)]


@pytest.mark.parametrize(("mode", "shown"), [("two", [2] * 4 + [3] * 2), ("grid", [1, 1, 2, 2, 2, 2, 3, 3])])
def test_every_query_is_shown_until_nothing_is_left_and_no_candidate_twice(mode: str, shown: list[int]) -> None:
    study_of(mode)
    browser = cast.browser_of(cast.ada())
    seen: list[tuple[int, int]] = []
    sizes = []
    while found := groups(browser, 3):
        for group in found:
            pairs = [cast.exposure_of(one).pair for one in group["candidates"]]
            assert len({pair.query_id for pair in pairs}) == 1
            seen += [(pair.query_id, pair.candidate_id) for pair in pairs]
            sizes.append(len(pairs))
    assert len(seen) == len(set(seen))
    assert sorted(sizes) == ([2] * 6 if mode == "two" else shown)


def test_the_closer_of_two_wins_or_both_are_equal() -> None:
    study_of("two")
    browser = cast.browser_of(cast.ada())
    first, second = groups(browser, 2)
    results = cast.send(browser, *answers(first, "dope", "nope"), *answers(second, "tie", "tie"))
    assert {one["status"] for one in results} == {"recorded"}
    assert sorted(Vote.objects.values_list("verdict", flat=True)) == ["dope", "nope", "tie", "tie"]
    assert len(set(Exposure.objects.values_list("group", flat=True))) == 2
    assert sorted(Exposure.objects.values_list("side", flat=True)) == ["left", "left", "right", "right"]


def test_the_first_of_two_stands_on_the_left() -> None:
    """What is stored is what people saw: else a preference for one side could not be told from one for a model."""
    study_of("two")
    for group in groups(cast.browser_of(cast.ada()), 2):
        assert [cast.exposure_of(one).side for one in group["candidates"]] == ["left", "right"]


@pytest.mark.parametrize("mode", ["swipe", "grid"])
def test_a_tie_is_no_answer_elsewhere(mode: str) -> None:
    study = study_of(mode)
    browser = cast.browser_of(cast.ada())
    token = (
        cast.deck(browser, study, 1)[0]["token"] if mode == "swipe" else groups(browser)[0]["candidates"][0]["token"]
    )
    assert cast.send(browser, {"token": token, "verdict": "tie"})[0]["status"] == "invalid"
    assert not Vote.objects.exists()


def test_what_was_shown_together_is_taken_back_together() -> None:
    study_of("two")
    browser = cast.browser_of(cast.ada())
    first, second = groups(browser, 2)
    cast.send(browser, *answers(first, "dope", "nope"))
    cast.send(browser, *answers(second, "tie", "tie"))
    undone = browser.post("/api/v1/votes/undo/", {}, content_type="application/json").json()
    assert undone["exposures"] == []
    assert [one["verdict"] for one in undone["groups"][0]["candidates"]] == ["tie", "tie"]
    assert {one["token"] for one in undone["groups"][0]["candidates"]} == {one["token"] for one in second["candidates"]}
    assert Vote.objects.filter(counted=True).count() == 2
    assert cast.send(browser, *answers(second, "nope", "dope"))[0]["status"] == "recorded"


def test_a_group_that_was_not_answered_is_offered_again_whole_and_one_answered_in_part_is_not() -> None:
    study_of("two")
    voter = cast.ada()
    browser = cast.browser_of(voter)
    first, second = groups(browser, 2)
    cast.send(browser, answers(first, "dope", "nope")[0])
    cast.let_leases_run_out(voter)
    again = groups(browser, 10)
    assert again[0]["group"] == second["group"]
    assert first["group"] not in [one["group"] for one in again]


@pytest.mark.parametrize("mode", [StudyMode.TWO, StudyMode.GRID])
def test_the_probability_stored_is_that_of_being_among_those_shown(mode: StudyMode) -> None:
    """Two: a query among those with two pairs or more, then two of its slots. Grid: all slots of a query are shown."""
    study = study_of(mode, queries=1000)
    rng = np.random.default_rng(1)
    shown = [one for _ in range(60) for one in serve_deck(study, cast.ada(), 2, rng)]
    slots = dict(Pair.objects.filter(slot__isnull=False).values_list("pk", "query__slots"))
    queries = 750 if mode == StudyMode.TWO else 1000
    for one in shown:
        within = min(1.0, 2 / slots[one.pair_id]) if mode == StudyMode.TWO else 1.0
        assert one.propensity == pytest.approx(within / queries)


def test_the_order_of_two_is_left_to_chance() -> None:
    study = study_of("two", queries=100)
    rng = np.random.default_rng(1)
    first = [serve_deck(study, cast.ada(), 1, rng)[0].pair_id for _ in range(60)]
    places = list(Pair.objects.filter(pk__in=first).values_list("slot", flat=True))
    assert {0, 1} <= set(places)


def test_the_query_stands_on_the_left_unless_the_study_leaves_it_to_chance() -> None:
    study = cast.open_study(queries=40)
    shown = cast.deck(cast.browser_of(cast.ada()), study, 30)
    assert {cast.exposure_of(one).side for one in shown} == {"left"}


def test_sides_are_told_where_they_are_left_to_chance() -> None:
    study = cast.open_study(queries=40)
    Study.objects.update(random_sides=True)
    shown = cast.deck(cast.browser_of(cast.ada()), study, 30)
    assert {one["side"] for one in shown} == {"left", "right"}
    assert all(cast.exposure_of(one).side == one["side"] for one in shown)
