"""What a voter reads about the own answers, and what nobody can read from it."""

from __future__ import annotations

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from evalapp.studies.models import Pair, Study, StudyState
from evalapp.voting.models import Exposure
from evalapp.voting.queries.my_votes import AGREEMENT_FROM, Judged, agreement_of
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

YOURS = "/api/v1/studies/match/yours/"


@pytest.fixture
def study() -> Study:
    study = cast.open_study(queries=24)
    Study.objects.update(gold_share=0, repeat_share=0)
    study.refresh_from_db()
    return study


def test_who_never_came_has_nothing(study: Study) -> None:
    assert Client().get(YOURS).json() == {
        "answered": 0, "agreement": None, "until_agreement": AGREEMENT_FROM, "last": []
    }  # fmt: skip


def test_the_last_answers_come_newest_first_with_their_pictures(study: Study) -> None:
    browser = cast.browser_of(cast.ada())
    (first,) = cast.deck(browser, study, 1)
    cast.send(browser, {"token": first["token"], "verdict": "nope"})
    (second,) = cast.deck(browser, study, 1)
    cast.send(browser, {"token": second["token"], "verdict": "skip"})
    yours = browser.get(YOURS).json()
    assert yours["answered"] == 2
    assert [one["verdict"] for one in yours["last"]] == ["skip", "nope"]
    assert yours["last"][1]["query"]["image"] == first["query"]["image"]
    assert yours["last"][1]["candidate"]["image"] == first["candidate"]["image"]


def test_before_twenty_verdicts_nothing_is_told_and_then_a_share(study: Study) -> None:
    for _ in range(3):
        cast.cleo(study)
    browser = cast.browser_of(cast.ada())
    cast.play(browser, study, 19)
    early = browser.get(YOURS).json()
    assert (early["agreement"], early["until_agreement"]) == (None, 1)
    cast.play(browser, study, 1)
    late = browser.get(YOURS).json()
    assert late["until_agreement"] == 0
    assert late["agreement"] == {"share": 1.0, "compared": 20}


def test_the_share_moves_in_steps_so_that_no_pair_can_be_read_from_it(study: Study) -> None:
    for _ in range(3):
        cast.cleo(study)
    browser = cast.browser_of(cast.ada())
    cast.play(browser, study, 20)
    before = browser.get(YOURS).json()["agreement"]
    cast.play(browser, study, 9, lambda pair: "nope" if cast.likes_matches(pair) == "dope" else "dope")
    assert browser.get(YOURS).json()["agreement"] == before
    cast.play(browser, study, 1)
    assert browser.get(YOURS).json()["agreement"] != before


def test_with_few_others_nothing_is_compared_and_the_own_verdict_is_no_crowd(study: Study) -> None:
    browser = cast.browser_of(cast.ada())
    cast.play(browser, study, 25)
    yours = browser.get(YOURS).json()
    assert (yours["agreement"], yours["until_agreement"]) == (None, 0)
    assert Pair.objects.filter(dope__gt=0).exists()


def test_a_study_that_was_not_opened_does_not_exist(study: Study) -> None:
    Study.objects.update(state=StudyState.READY)
    assert Client().get(YOURS).status_code == 404


judged = st.builds(Judged, st.sampled_from(["dope", "nope"]), st.integers(0, 5), st.integers(0, 5))


@given(st.lists(judged, max_size=60))
def test_the_share_is_that_of_a_plain_count(answers: list[Judged]) -> None:
    clear = [one for one in answers if one.dope + one.nope >= 2 and one.dope != one.nope]
    alike = [one for one in clear if one.verdict == ("dope" if one.dope > one.nope else "nope")]
    found = agreement_of(answers)
    if len(clear) < 10:
        assert found is None
    else:
        assert found is not None
        assert (found.share, found.compared) == (len(alike) / len(clear), len(clear))


def test_known_answers_and_repeats_count_like_all_others(study: Study) -> None:
    """By a number that moved for some pairs only, people could tell which these are."""
    ada = cast.ada()
    browser = cast.browser_of(ada)
    shown = cast.deck(browser, study, 20)
    Exposure.objects.filter(token__in=[one["token"].split(":")[0] for one in shown[:3]]).update(kind="gold")
    Exposure.objects.filter(token__in=[one["token"].split(":")[0] for one in shown[3:6]]).update(kind="repeat")
    left = []
    for one in shown:
        cast.send(browser, {"token": one["token"], "verdict": "nope"})
        left.append(browser.get(YOURS).json()["until_agreement"])
    assert left == list(range(AGREEMENT_FROM - 1, -1, -1))


def test_known_answers_are_compared_with_what_others_said_to_them(study: Study) -> None:
    for _ in range(2):
        cast.cleo(study)
    golds = list(study.pairs.filter(slot__isnull=False).values_list("pk", flat=True)[:10])
    Exposure.objects.filter(pair__in=golds).update(kind="gold")
    Pair.objects.filter(pk__in=golds).update(dope=0, nope=0)
    browser = cast.browser_of(cast.ada())
    shown = cast.deck(browser, study, 50)
    Exposure.objects.filter(pair__in=golds).update(kind="gold")
    for one, exposure in zip(shown, cast.exposures_of(shown), strict=True):
        cast.send(browser, {"token": one["token"], "verdict": cast.likes_matches(exposure.pair)})
    agreement = browser.get(YOURS).json()["agreement"]
    assert agreement["share"] == 1.0
    assert agreement["compared"] == (len(shown) - len(shown) % 10) // 10 * 10


def test_the_most_rebellious_answer_is_told_once_nobody_votes_any_more(study: Study) -> None:
    for _ in range(3):
        cast.cleo(study)
    browser = cast.browser_of(cast.ada())
    cast.play(browser, study, 20)
    (alone,) = cast.deck(browser, study, 1)
    pair = cast.exposure_of(alone).pair
    cast.send(browser, {"token": alone["token"], "verdict": "nope" if cast.likes_matches(pair) == "dope" else "dope"})
    assert "rebellious" not in browser.get("/play/match/").content.decode()
    Study.objects.update(state=StudyState.CLOSED)
    answer = browser.get("/play/match/")
    assert (answer.context["alone"].against, answer.context["alone"].others) == (3, 3)
    text = answer.content.decode()
    assert "Your most rebellious answer" in text
    assert alone["candidate"]["image"] in text
    assert "You agreed with the crowd 100% of the time." in text
    assert "rebellious" not in Client().get("/play/match/").content.decode()
