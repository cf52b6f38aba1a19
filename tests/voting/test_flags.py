"""What is flagged is shown to nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from evalapp.catalog.services.item_flags import flag_items
from evalapp.studies.models import PairFlag, Study
from evalapp.studies.services.pair_flags import REPORTS_TO_FLAG, flag_pairs, flagged_pairs
from evalapp.voting import tasks
from evalapp.voting.domain.report_weight import FEWEST_VERDICTS
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Exposure, Voter
from evalapp.voting.queries import deck_reads
from evalapp.voting.services.vote_casting import Ballot, cast_votes
from evalapp.voting.services.voters import block_voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=8)


def dealt_to_somebody_new(study: Study) -> set[int]:
    deck_reads._cached_pools.clear()  # A minute later.
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


def report_one_pair(study: Study, *, record: int, addresses: bool = True) -> int:
    """Enough people report one and the same pair after so many verdicts each; the pair's id."""
    pair = study.pairs.filter(slot__isnull=False).order_by("pk").values_list("pk", flat=True)[0]
    for number in range(REPORTS_TO_FLAG):
        browser = cast.browser_of(Voter.objects.create(address=f"address-{number if addresses else 0}"))
        shown = {cast.exposure_of(one).pair_id: one for one in cast.deck(browser, study, 16)}
        reported = shown.pop(pair)
        answers = [{"token": one["token"], "verdict": "nope"} for one in list(shown.values())[:record]]
        cast.send(browser, *answers, {"token": reported["token"], "verdict": "report"})
    return pair


def test_enough_reports_take_a_pair_out_of_the_deck(study: Study) -> None:
    reported = report_one_pair(study, record=FEWEST_VERDICTS)
    assert flagged_pairs(study) == {reported}
    assert reported not in dealt_to_somebody_new(study)


def test_reports_without_a_record_or_from_one_address_only_wait(study: Study) -> None:
    report_one_pair(study, record=FEWEST_VERDICTS - 1)
    assert flagged_pairs(study) == set()
    report_one_pair(study, record=FEWEST_VERDICTS, addresses=False)
    assert (PairFlag.objects.get().reports, PairFlag.objects.get().backing) == (2 * REPORTS_TO_FLAG, 1)
    assert flagged_pairs(study) == set()


def test_who_reported_early_is_heard_once_there_is_a_record_and_who_is_set_aside_is_not(study: Study) -> None:
    reported = report_one_pair(study, record=0)
    for voter in Voter.objects.all():
        Exposure.objects.filter(voter=voter).update(served_at=timezone.now() - timedelta(minutes=10))
        shown = Exposure.objects.filter(voter=voter, answered_at=None)[:FEWEST_VERDICTS]
        cast_votes(voter, [Ballot(sign_token(one.token), "nope") for one in shown])
    assert flagged_pairs(study) == set()
    tasks.review_and_weigh()
    assert flagged_pairs(study) == {reported}
    first = Voter.objects.first()
    assert first is not None
    block_voter(first)
    assert flagged_pairs(study) == set()


def test_one_report_alone_weighs_nothing_until_there_is_a_record(study: Study) -> None:
    browser = cast.browser_of(Voter.objects.create(address="somewhere"))
    reported, *others = cast.deck(browser, study, FEWEST_VERDICTS + 1)
    cast.send(browser, {"token": reported["token"], "verdict": "report"})
    assert PairFlag.objects.values_list("reports", "backing").get() == (1, 0)
    Exposure.objects.update(served_at=timezone.now() - timedelta(minutes=10))
    cast.send(browser, *({"token": one["token"], "verdict": "nope"} for one in others))
    tasks.review_and_weigh()
    assert PairFlag.objects.values_list("reports", "backing").get() == (1, 1)


def test_a_pair_that_was_dealt_and_flagged_since_is_not_offered_again(study: Study) -> None:
    ada = cast.ada()
    browser = cast.browser_of(ada)
    [shown] = cast.deck(browser, study, 1)
    pair = cast.exposure_of(shown).pair_id
    cast.let_leases_run_out(ada)
    assert [one["token"] for one in cast.deck(browser, study, 1)] == [shown["token"]]
    flag_pairs(study, [pair], "other")
    cast.let_leases_run_out(ada)
    deck_reads._cached_pools.clear()
    assert pair not in {cast.exposure_of(one).pair_id for one in cast.deck(browser, study, 16)}


def test_a_study_of_which_everything_is_flagged_has_nothing_left(study: Study) -> None:
    flag_items(study.catalogue.slug, list(study.catalogue.items.values_list("key", flat=True)), "other")
    assert dealt_to_somebody_new(study) == set()
