"""Which pairs are in play is said four times, for four plans of the database; all four mean the same."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalapp.catalog.models import Flag, FlagReason, FlagState, Item
from evalapp.catalog.queries import showable
from evalapp.studies.models import Pair, PairFlag, Study
from evalapp.studies.services.pair_flags import flagged_pairs, in_play
from evalapp.voting.models import Exposure, Vote, Voter
from evalapp.voting.queries.deck_reads import DeckStudy, pool_of, repeatable_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

QUERIES, ITEMS, PAIRS = 4, 16, 8
STATES = st.sampled_from(FlagState.values)


@pytest.fixture
def study() -> Study:
    # A study that is not open is read anew each time: nothing is kept from one example to the next.
    return cast.ready_study(queries=QUERIES)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pair_flags=st.dictionaries(st.integers(0, PAIRS - 1), STATES, max_size=3),
    item_flags=st.dictionaries(st.integers(0, ITEMS - 1), STATES, max_size=3),
    removed=st.dictionaries(st.integers(0, ITEMS - 1), st.booleans(), max_size=3),
)
def test_four_ways_to_ask_name_the_same_pairs(
    study: Study, pair_flags: dict[int, str], item_flags: dict[int, str], removed: dict[int, bool]
) -> None:
    point = transaction.savepoint()
    items, pairs = list(study.catalogue.items.order_by("key")), list(_shown(study))
    PairFlag.objects.bulk_create(
        PairFlag(pair=pairs[place], reason=FlagReason.OTHER, state=state) for place, state in pair_flags.items()
    )
    Flag.objects.bulk_create(
        Flag(item=items[place], reason=FlagReason.OTHER, state=state) for place, state in item_flags.items()
    )
    for place, replaced in removed.items():
        Item.objects.filter(pk=items[place].pk).update(removed=True, replaced=replaced)
    voter = _who_said_yes_to_all(study, pairs)

    among_rows = set(in_play(Exposure.objects.filter(voter=voter)).values_list("pair", flat=True))
    in_pool = set(pool_of(DeckStudy.from_study(study)).pairs.tolist())
    asked_again = {vote.pair for vote in repeatable_votes(DeckStudy.from_study(study), voter, ITEMS)}
    not_flagged = {pair.pk for pair in pairs} - flagged_pairs(study) - _withdrawn(study)
    transaction.savepoint_rollback(point)
    assert among_rows == in_pool == asked_again == not_flagged


def _shown(study: Study) -> list[Pair]:
    return list(Pair.objects.filter(study=study, slot__isnull=False).order_by("pk"))


def _who_said_yes_to_all(study: Study, pairs: list[Pair]) -> Voter:
    voter = Voter.objects.create()
    exposures = Exposure.objects.bulk_create(
        Exposure(study=study, pair=pair, voter=voter, propensity=0.1, leased_until=timezone.now()) for pair in pairs
    )
    Vote.objects.bulk_create(
        Vote(exposure=one, study=study, pair_id=one.pair_id, voter=voter, verdict="dope") for one in exposures
    )
    return voter


def _withdrawn(study: Study) -> set[int]:
    """`flagged_pairs` is asked about pairs that were voted on: what was withdrawn since still counts."""
    items = Item.objects.filter(catalogue=study.catalogue).exclude(showable())
    pairs = Pair.objects.filter(study=study)
    return set(pairs.filter(query__item__in=items).values_list("pk", flat=True)) | set(
        pairs.filter(candidate__in=items).values_list("pk", flat=True)
    )
