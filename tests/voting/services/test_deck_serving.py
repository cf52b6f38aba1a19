"""What a deck holds where little is left, where known answers take all places, and where something was shown before."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from django.conf import LazySettings
from django.utils import timezone

from evalapp.core.domain.errors import TooMany
from evalapp.studies.models import Pair, Query, Study, StudyMode
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Exposure, ExposureKind, Gold, Voter
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.vote_casting import Ballot, cast_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def study_of(mode: str, queries: int = 8, **words: object) -> Study:
    study = cast.open_study(queries=queries)
    Study.objects.update(mode=mode, **words)
    study.refresh_from_db()
    return study


def answer(voter: Voter, dealt: list[Exposure]) -> None:
    cast_votes(voter, [Ballot(sign_token(one.token), "dope") for one in dealt])


def give_golds(study: Study, position: int = 0) -> set[int]:
    """Two pairs of a query that nobody nominated get a known answer; their ids."""
    query = study.queries.get(position=position)
    others = study.catalogue.items.exclude(pk__in=query.pairs.values("candidate")).order_by("-key")
    pairs = [Pair.objects.create(study=study, query=query, candidate=item) for item in others[:2]]
    for pair, expected in zip(pairs, ("dope", "nope"), strict=True):
        Gold.objects.create(study=study, pair=pair, expected=expected)
    return {pair.pk for pair in pairs}


def give_slots(study: Study, slots: int) -> Query:
    """The first query gets so many pairs to show."""
    query = study.queries.get(position=0)
    query.pairs.all().delete()
    others = study.catalogue.items.exclude(pk=query.item_id).order_by("key")[:slots]
    Pair.objects.bulk_create(
        Pair(study=study, query=query, candidate=item, slot=slot) for slot, item in enumerate(others)
    )
    Query.objects.filter(pk=query.pk).update(slots=slots)
    return query


@pytest.mark.parametrize("mode", [StudyMode.TWO, StudyMode.GRID])
def test_beside_the_first_of_a_hand_nothing_is_shown_that_was_seen_before(mode: StudyMode) -> None:
    """Of somebody who saw little of a large pool: the first pair of each query."""
    study = study_of(mode, queries=200)
    voter, now = cast.ada(), timezone.now()
    seen = Pair.objects.filter(study=study, slot=0).values_list("pk", flat=True)
    Exposure.objects.bulk_create(
        Exposure(voter=voter, study=study, pair_id=pair, propensity=0.1, leased_until=now, answered_at=now)
        for pair in seen
    )
    rng = np.random.default_rng(3)
    dealt = [one for _ in range(4) for one in serve_deck(study, voter, 1, rng)]
    slots = dict(Pair.objects.filter(study=study).values_list("pk", "slot"))
    assert len({one.group for one in dealt}) == 4
    assert {slots[one.pair_id] for one in dealt} <= {1, 2}


def test_a_deck_of_nothing_but_a_known_answer_is_no_end() -> None:
    study = study_of(StudyMode.SWIPE, gold_share=1.0)
    golds = give_golds(study)
    voter = cast.ada()
    assert [one.pair_id in golds for one in serve_deck(study, voter, 1)] == [True]
    assert [one.kind for one in serve_deck(study, voter, 1)] == [ExposureKind.GOLD]
    assert [one.pair_id in golds for one in serve_deck(study, voter, 3)] == [False] * 3


def test_a_known_answer_alone_is_not_shown_where_all_else_was_seen() -> None:
    study = study_of(StudyMode.SWIPE)
    voter = cast.cleo(study)
    give_golds(study)
    Study.objects.update(gold_share=1.0)
    assert serve_deck(study, voter, 2) == []


def test_a_tile_that_was_shown_alone_is_offered_again() -> None:
    study = study_of(StudyMode.GRID)
    voter = cast.ada()
    dealt = serve_deck(study, voter, 8)
    alone = next(one for one in dealt if [other.group for other in dealt].count(one.group) == 1)
    answer(voter, [one for one in dealt if one.group != alone.group])
    cast.let_leases_run_out(voter)
    again = serve_deck(study, voter, 1)
    assert [one.token for one in again] == [alone.token]
    assert Exposure.objects.get(token=alone.token).leased_until > timezone.now() + timedelta(minutes=1)


@pytest.mark.parametrize("mode", StudyMode.values)
def test_only_what_is_shown_together_has_a_group(mode: str) -> None:
    dealt = serve_deck(study_of(mode), cast.ada(), 3)
    groups = {one.group for one in dealt}
    assert groups == {None} if mode == StudyMode.SWIPE else len(groups) == 3
    assert {type(group) for group in groups} <= {uuid.UUID, type(None)}


def test_of_two_alternatives_only_queries_with_two_pairs_are_in_the_draw() -> None:
    study = study_of(StudyMode.TWO, queries=120)
    rng = np.random.default_rng(2)
    slots = dict(Pair.objects.filter(study=study, slot__isnull=False).values_list("pk", "query__slots"))
    dealt = [one for _ in range(12) for one in serve_deck(study, cast.ada(), 1, rng)]
    for one in dealt:
        assert one.propensity == pytest.approx(2 / slots[one.pair_id] / 90)


@pytest.mark.parametrize("mode", list(StudyMode))
def test_what_was_answered_comes_back_after_ten_other_answers(mode: StudyMode) -> None:
    study = study_of(mode, queries=60, repeat_share=1.0)
    voter = cast.ada()
    shown: list[list[Exposure]] = []
    for _ in range(11):
        dealt = serve_deck(study, voter, 1)
        assert {one.kind for one in dealt} <= {ExposureKind.STUDY, ExposureKind.CONTROL}
        shown.append(dealt)
        answer(voter, dealt)
    again = serve_deck(study, voter, 1)
    assert {one.kind for one in again} == {ExposureKind.REPEAT}
    assert {one.pair_id for one in again} == {one.pair_id for one in shown[0]}
    assert {one.propensity for one in again} == {1.0}


@pytest.mark.parametrize("mode", [StudyMode.SWIPE, StudyMode.TWO])
def test_repeats_are_drawn_among_the_twenty_answers_before_those_ten(mode: StudyMode) -> None:
    study = study_of(mode, queries=80)
    voter = cast.ada()
    shown = []
    for _ in range(32):
        shown.append(serve_deck(study, voter, 1))
        answer(voter, shown[-1])
    Study.objects.update(repeat_share=1.0)
    again = [one for one in serve_deck(study, voter, 25) if one.kind == ExposureKind.REPEAT]
    assert {one.pair_id for one in again} == {one.pair_id for hand in shown[2:22] for one in hand}
    assert {one.propensity for one in again} == {1 / 20}


def test_what_was_answered_in_part_does_not_come_back() -> None:
    study = study_of(StudyMode.TWO, queries=60, repeat_share=1.0)
    voter = cast.ada()
    answer(voter, serve_deck(study, voter, 1)[:1])
    for _ in range(11):
        dealt = serve_deck(study, voter, 1)
        assert {one.kind for one in dealt} <= {ExposureKind.STUDY, ExposureKind.CONTROL}
        answer(voter, dealt)
    assert {one.kind for one in serve_deck(study, voter, 1)} == {ExposureKind.REPEAT}


def test_a_grid_has_nine_tiles_at_most_and_the_rest_comes_later() -> None:
    study = study_of(StudyMode.GRID)
    query = give_slots(study, 12)
    voter = cast.ada()
    sizes = []
    while dealt := serve_deck(study, voter, 3):
        sizes += Counter(one.group for one in dealt if one.pair.query_id == query.pk).values()
    assert sizes == [9, 3]


@pytest.mark.parametrize(("slots", "tiles"), [(1, 0), (2, 2), (3, 3), (9, 9), (12, 9)])
def test_a_grid_with_known_answers_has_as_many_tiles_as_others_of_its_query(slots: int, tiles: int) -> None:
    """Where a query has a single pair there is no room for two known answers."""
    study = study_of(StudyMode.GRID, gold_share=1.0)
    query = give_slots(study, slots)
    golds = give_golds(study)
    dealt = serve_deck(study, cast.ada(), 1)
    if not tiles:
        assert not golds & {one.pair_id for one in dealt}
        return
    assert golds < {one.pair_id for one in dealt} or tiles == 2
    assert {one.pair.query_id for one in dealt} == {query.pk}
    assert Counter(one.kind for one in dealt) == Counter(gold=2, filler=tiles - 2)
    assert {one.propensity for one in dealt} == {1.0}


def test_of_somebody_who_can_have_seen_little_the_draw_is_of_all_pairs_and_else_of_those_left() -> None:
    """The likeliest pairs are drawn once in sixty times: one of them is little, two are more than a fiftieth."""
    study = study_of(StudyMode.SWIPE, queries=60)
    slots = dict(Pair.objects.filter(study=study, slot__isnull=False).values_list("pk", "query__slots"))
    (alone,) = serve_deck(study, cast.ada(), 1)
    assert alone.propensity == pytest.approx(1 / 60 / slots[alone.pair_id])
    first, second = serve_deck(study, cast.ada(), 2)
    left = 1 - 1 / 60 / slots[first.pair_id]
    assert second.propensity == pytest.approx(1 / 60 / slots[second.pair_id] / left, rel=1e-9)


@pytest.mark.parametrize("mode", StudyMode.values)
def test_a_round_counts_once_in_the_limit_however_many_pairs_it_shows(
    mode: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VOTER_PAIRS_PER_MINUTE = 6
    study, voter, now = study_of(mode, queries=24), cast.ada(), timezone.now()
    monkeypatch.setattr("evalapp.voting.services.deck_serving.timezone.now", lambda: now)
    for _ in range(2):
        assert serve_deck(study, voter, 3, limited=True)
    with pytest.raises(TooMany):
        serve_deck(study, voter, 1, limited=True)
    now += timedelta(seconds=10)
    assert serve_deck(study, voter, 1, limited=True)
