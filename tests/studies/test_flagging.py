"""Pairs out of play: by operators, by voters' reports, by a flagged item."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from evalapp.catalog.flagging import flag_items
from evalapp.core.errors import InvalidInput, NotFound
from evalapp.studies.flagging import (
    REPORTS_TO_FLAG,
    count_reports,
    flag_pairs,
    flagged_pairs,
    flags_of_study,
    lift_pair_flags,
)
from evalapp.studies.models import Pair, PairFlag, Study
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


def report(pair: Pair, voters: int = 1) -> None:
    for _ in range(voters):
        count_reports({pair.pk: 1})


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
    assert (flag.state, flag.source, flag.reports) == ("suspected", "voters", REPORTS_TO_FLAG - 1)
    report(pair)
    assert flagged_pairs(study) == {pair.pk}
    count_reports({pair.pk: -1})
    assert flagged_pairs(study) == set()


def test_what_an_operator_has_settled_no_report_changes(study: Study, pair: Pair) -> None:
    report(pair, REPORTS_TO_FLAG)
    lift_pair_flags(study, [pair.pk])
    report(pair, REPORTS_TO_FLAG)
    assert flagged_pairs(study) == set()
    assert PairFlag.objects.get().reports == 2 * REPORTS_TO_FLAG
    flag_pairs(study, [pair.pk], "back view")
    count_reports({pair.pk: -2 * REPORTS_TO_FLAG})
    assert flagged_pairs(study) == {pair.pk}


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
