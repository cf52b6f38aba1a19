"""Pairs out of play: by operators, by voters' reports, by a flagged item."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from evalapp.catalog.services.item_flags import flag_items
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.studies.models import Pair, PairFlag, Study
from evalapp.studies.services.pair_flags import (
    REPORTS_TO_FLAG,
    count_reports,
    flag_pairs,
    flagged_pairs,
    flags_of_study,
    lift_pair_flags,
    most_reported,
    settle_reports,
)
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FLAGS = "/api/v1/studies/match/flags/"


@pytest.fixture
def study() -> Study:
    return cast.open_study()


@pytest.fixture
def pair(study: Study) -> Pair:
    found = study.pairs.filter(slot__isnull=False).order_by("pk").first()
    assert found is not None
    return found


def report(pair: Pair, voters: int) -> None:
    """So many reports that weigh something, in all."""
    count_reports({pair.pk: 1})
    settle_reports({pair.pk: voters})


def test_an_operator_takes_a_pair_out_and_puts_it_back(study: Study, pair: Pair) -> None:
    assert flag_pairs(study, [pair.pk], "bad box") == 1
    assert flagged_pairs(study) == {pair.pk}
    assert flag_pairs(study, [pair.pk], "other") == 0
    assert lift_pair_flags(study, [pair.pk]) == 1
    assert flagged_pairs(study) == set()


def test_a_flagged_item_takes_all_its_pairs_out_on_either_side(study: Study) -> None:
    flag_items(study.catalogue.slug, ["item-0002"], "wrong label")
    expected = {pair.pk for pair in study.pairs.all() if "item-0002" in (pair.query.item.key, pair.candidate.key)}
    assert len(expected) > 2
    assert flagged_pairs(study) == expected


def test_a_few_reports_are_a_suspicion_and_enough_of_them_a_flag(study: Study, pair: Pair) -> None:
    report(pair, REPORTS_TO_FLAG - 1)
    assert flagged_pairs(study) == set()
    [flag] = flags_of_study(study)
    assert (flag.state, flag.source, flag.backing) == ("suspected", "voters", REPORTS_TO_FLAG - 1)
    report(pair, REPORTS_TO_FLAG)
    assert flagged_pairs(study) == {pair.pk}
    report(pair, REPORTS_TO_FLAG - 1)
    assert flagged_pairs(study) == set()


def test_what_an_operator_has_settled_no_report_changes(study: Study, pair: Pair) -> None:
    report(pair, REPORTS_TO_FLAG)
    lift_pair_flags(study, [pair.pk])
    report(pair, 2 * REPORTS_TO_FLAG)
    assert flagged_pairs(study) == set()
    assert PairFlag.objects.get().backing == 2 * REPORTS_TO_FLAG
    flag_pairs(study, [pair.pk], "back view")
    report(pair, 0)
    assert flagged_pairs(study) == {pair.pk}


def test_no_more_than_a_share_waits_for_an_operator_and_what_is_settled_makes_room(study: Study) -> None:
    first, second = study.pairs.filter(slot__isnull=False).order_by("pk")[:2]
    assert most_reported(study) == 1
    report(first, REPORTS_TO_FLAG)
    report(second, REPORTS_TO_FLAG)
    assert flagged_pairs(study) == {first.pk}
    flag_pairs(study, [first.pk], "other")
    report(second, REPORTS_TO_FLAG)
    assert flagged_pairs(study) == {first.pk, second.pk}


def test_one_button_lifts_what_only_voters_reported(study: Study, pair: Pair) -> None:
    second, third = study.pairs.filter(slot__isnull=False).exclude(pk=pair.pk).order_by("pk")[:2]
    flag_pairs(study, [third.pk], "other")
    report(pair, REPORTS_TO_FLAG)
    report(second, 1)
    operator = APIClient()
    operator.force_authenticate(User.objects.create_user("olga", is_staff=True))
    assert operator.delete(f"{FLAGS}reports/").json() == {"lifted": 1}
    assert flagged_pairs(study) == {third.pk}
    report(pair, 9)
    assert flagged_pairs(study) == {third.pk}
    assert APIClient().delete(f"{FLAGS}reports/").status_code == 401


def test_they_are_lifted_by_command_and_in_the_lab_too(study: Study, pair: Pair) -> None:
    report(pair, REPORTS_TO_FLAG)
    browser = Client()
    browser.force_login(User.objects.create_user("olga", is_staff=True))
    page = browser.get("/lab/studies/match/flags/").content.decode()
    assert "1 reported pair waits for you; 1 of them out of play" in page
    assert "in play again" in browser.post("/lab/studies/match/flags/lift/", follow=True).content.decode()
    assert flagged_pairs(study) == set()
    out = io.StringIO()
    call_command("lift_reports", "match", stdout=out)
    assert out.getvalue() == "0 pairs of match in play again.\n"


def test_reports_of_voters_arrive_here_and_an_undo_takes_one_back(study: Study) -> None:
    browser = cast.browser_of(cast.ada())
    [shown] = cast.deck(browser, study, 1)
    cast.send(browser, {"token": shown["token"], "verdict": "report"})
    flag = PairFlag.objects.get()
    assert (flag.pair_id, flag.reports) == (cast.exposure_of(shown).pair_id, 1)
    cast.send(browser, {"token": shown["token"], "verdict": "report"})
    browser.post("/api/v1/votes/undo/", {"n": 1}, content_type="application/json")
    flag.refresh_from_db()
    assert flag.reports == 0


def test_counting_reports_costs_the_same_for_many_pairs_as_for_few(study: Study) -> None:
    pairs = list(study.pairs.values_list("pk", flat=True))

    def statements(some: list[int]) -> int:
        with CaptureQueriesContext(connection) as caught:
            count_reports(dict.fromkeys(some, 1))
        return len(caught)

    assert statements(pairs) == statements(pairs[:1])


def test_unknown_words_flag_nothing(study: Study, pair: Pair) -> None:
    other = cast.ready_study("other").pairs.first()
    assert other is not None
    with pytest.raises(NotFound, match="has no pair"):
        flag_pairs(study, [pair.pk, other.pk], "other")
    with pytest.raises(InvalidInput, match="choose one of"):
        flag_pairs(study, [pair.pk], "ugly")
    assert not PairFlag.objects.exists()


def test_flags_of_pairs_are_set_read_and_lifted_over_http(study: Study, pair: Pair) -> None:
    operator = APIClient()
    operator.force_authenticate(User.objects.create_user("olga", is_staff=True))
    assert operator.post(FLAGS, {"pairs": [pair.pk], "reason": "close-up"}).json() == {"changed": 1}
    [flag] = operator.get(FLAGS).json()
    assert (flag["pair"], flag["candidate"], flag["reason"]) == (pair.pk, pair.candidate.key, "close-up")
    assert operator.delete(FLAGS, {"pairs": [pair.pk]}).json() == {"changed": 1}
    assert operator.post(FLAGS, {"pairs": [2**62], "reason": "other"}).status_code == 404
    assert APIClient().get(FLAGS).status_code == 401
