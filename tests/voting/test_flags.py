"""What is flagged is shown to nobody."""

from __future__ import annotations

import pytest

from evalapp.catalog.flagging import flag_items
from evalapp.studies.flagging import REPORTS_TO_FLAG, flag_pairs, flagged_pairs
from evalapp.studies.models import Study
from evalapp.voting import queries
from evalapp.voting.models import Exposure, Voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=8)


def dealt_to_somebody_new(study: Study) -> set[int]:
    queries._kept.clear()  # A minute later.
    voter = Voter.objects.create()
    browser = cast.browser_of(voter)
    while cast.play(browser, study, 20):
        pass
    return set(Exposure.objects.filter(voter=voter).values_list("pair_id", flat=True))


def test_flagged_pairs_and_pairs_of_flagged_items_leave_the_deck(study: Study) -> None:
    everything = dealt_to_somebody_new(study)
    flag_pairs(study, [min(everything)], "bad box")
    flag_items(study.catalogue.slug, ["item-0003"], "wrong label")
    gone = flagged_pairs(study) & everything
    assert 1 < len(gone) < len(everything)
    assert dealt_to_somebody_new(study) == everything - gone


def test_enough_reports_take_a_pair_out_of_the_deck(study: Study) -> None:
    reported = None
    for _ in range(REPORTS_TO_FLAG):
        browser = cast.browser_of(Voter.objects.create())
        for shown in cast.deck(browser, study, 16):
            pair = cast.exposure_of(shown).pair_id
            reported = reported or pair
            if pair == reported:
                cast.send(browser, {"token": shown["token"], "verdict": "report"})
    assert flagged_pairs(study) == {reported}
    assert reported not in dealt_to_somebody_new(study)


def test_a_pair_that_was_dealt_and_flagged_since_is_not_offered_again(study: Study) -> None:
    ada = cast.ada()
    browser = cast.browser_of(ada)
    [shown] = cast.deck(browser, study, 1)
    pair = cast.exposure_of(shown).pair_id
    cast.let_leases_run_out(ada)
    assert [one["token"] for one in cast.deck(browser, study, 1)] == [shown["token"]]
    flag_pairs(study, [pair], "other")
    cast.let_leases_run_out(ada)
    queries._kept.clear()
    assert pair not in {cast.exposure_of(one).pair_id for one in cast.deck(browser, study, 16)}


def test_a_study_of_which_everything_is_flagged_has_nothing_left(study: Study) -> None:
    flag_items(study.catalogue.slug, list(study.catalogue.items.values_list("key", flat=True)), "other")
    assert dealt_to_somebody_new(study) == set()
