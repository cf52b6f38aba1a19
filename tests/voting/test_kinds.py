"""Known answers and repeats: in small shares inside the stream, told apart by nobody."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image

from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.models import Picture
from evalapp.catalog.services.renditions import rendition_name
from evalapp.studies.models import Pair, Study
from evalapp.voting import tasks
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Exposure, ExposureKind, Gold, Vote, Voter
from evalapp.voting.pipeline.simulation import simulate_votes
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.gold_pairs import prepare_golds
from evalapp.voting.services.vote_casting import Ballot, cast_votes
from tests import cast
from tests.catalog.drawing import picture

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def give_files(study: Study) -> None:
    """Every picture of the study's catalogue gets bytes: 96 x 128 pixels, each of its own colour."""
    for item in study.catalogue.items.select_related("picture"):
        original = store_original(picture((item.pk * 37 % 256, item.pk * 91 % 256, 90), size=(96, 128)))
        Picture.objects.filter(pk=item.picture_id).update(file=original.file, sha256=f"{item.pk:064d}")


@pytest.fixture
def study() -> Study:
    study = cast.open_study(queries=60)
    Study.objects.update(gold_share=0.2, repeat_share=0.1)
    study.refresh_from_db()
    give_files(study)
    return study


def swipe(study: Study, voter: Voter, n: int) -> None:
    browser = cast.browser_of(voter)
    while n > 0:
        n -= len(cast.play(browser, study, min(n, 10)))


def test_known_answers_are_the_same_picture_treated_and_a_random_one(study: Study) -> None:
    assert prepare_golds(study) == Gold.objects.count() > 60
    yes, no = (Gold.objects.filter(expected=word).select_related("pair__query__item") for word in ("dope", "nope"))
    assert len(yes) == len(no)
    for gold in yes:
        assert gold.pair.candidate == gold.pair.query.item
        assert gold.picture is not None
        assert default_storage.exists(rendition_name(gold.picture.public_id))
        with default_storage.open(gold.picture.file) as file:
            assert Image.open(file).format == "JPEG"
        assert (gold.picture.width, gold.picture.height) == (96, 128)
    for gold in no:
        assert gold.pair.candidate.category != gold.pair.query.item.category
    assert set(Gold.objects.values_list("pair__slot", flat=True)) == {None}


def test_they_are_made_once_and_only_where_they_are_wanted(study: Study) -> None:
    made = prepare_golds(study)
    assert prepare_golds(study) == made == Gold.objects.count()
    quiet = cast.open_study("quiet")
    assert prepare_golds(quiet) == 0


def test_beat_makes_them_for_open_studies(study: Study) -> None:
    tasks.prepare_open_studies()
    assert Gold.objects.filter(study=study).exists()


def test_where_a_picture_cannot_be_read_another_of_its_product_takes_its_place() -> None:
    study = cast.open_study(queries=30, catalogue=cast.wardrobe(items=120))
    Study.objects.update(gold_share=0.2)
    study.refresh_from_db()
    prepare_golds(study)
    for gold in Gold.objects.filter(expected="dope").select_related("pair__query__item", "pair__candidate"):
        assert gold.picture is None
        assert gold.pair.candidate.product == gold.pair.query.item.product
        assert gold.pair.candidate != gold.pair.query.item


def test_the_stream_holds_about_as_many_as_the_study_says(study: Study) -> None:
    prepare_golds(study)
    rng = np.random.default_rng(4)
    for _ in range(12):
        voter = cast.ada()
        for _ in range(5):
            serve_deck(study, voter, 10, rng)
    kinds = Counter(Exposure.objects.values_list("kind", flat=True))
    assert 70 <= kinds[ExposureKind.GOLD] <= 170
    assert kinds[ExposureKind.STUDY] + kinds[ExposureKind.CONTROL] + kinds[ExposureKind.GOLD] == 600


def test_the_answers_expected_stay_with_the_exposure_and_pairs_do_not_count_them(study: Study) -> None:
    prepare_golds(study)
    swipe(study, cast.ada(), 50)
    golds = Exposure.objects.filter(kind=ExposureKind.GOLD)
    known = dict(Gold.objects.values_list("pair", "expected"))
    assert golds.exists()
    assert all(exposure.expected == known[exposure.pair_id] for exposure in golds)
    assert not Pair.objects.filter(gold__isnull=False, dope__gt=0).exists()
    counted = Vote.objects.filter(exposure__kind__in=["study", "control"])
    for verdict in ("dope", "nope"):
        assert sum(Pair.objects.values_list(verdict, flat=True)) == counted.filter(verdict=verdict).count()


def test_a_repeat_comes_some_time_later_and_only_once(study: Study) -> None:
    voter = cast.ada()
    swipe(study, voter, 90)
    repeats = Exposure.objects.filter(kind=ExposureKind.REPEAT).select_related("repeats")
    assert repeats.exists()
    for repeat in repeats:
        assert repeat.repeats is not None
        assert repeat.repeats.pair_id == repeat.pair_id
        between = Exposure.objects.filter(voter=voter, pk__gt=repeat.repeats_id, pk__lt=repeat.pk)
        assert between.count() >= 9
    assert len(set(repeats.values_list("repeats", flat=True))) == len(repeats)


def test_a_stream_ends_where_the_design_has_nothing_left(study: Study) -> None:
    prepare_golds(study)
    voter = cast.cleo(study)
    assert serve_deck(study, voter, 10) == []
    drawn = Exposure.objects.filter(voter=voter, kind__in=["study", "control"])
    assert drawn.count() == Pair.objects.filter(slot__isnull=False).count()


def test_all_kinds_look_alike(study: Study) -> None:
    prepare_golds(study)
    voter = cast.ada()
    swipe(study, voter, 40)
    browser = cast.browser_of(voter)
    shapes: dict[str, set[str]] = {}
    for _ in range(8):
        for shown in cast.deck(browser, study, 10):
            shapes.setdefault(cast.exposure_of(shown).kind, set()).add(re.sub(r"[\w-]{20,}", "x", json.dumps(shown)))
    assert len(shapes) >= 3
    assert len(set.union(*shapes.values())) == 1


def hands_of(study: Study, mode: str, kind: ExposureKind) -> list[list[Exposure]]:
    """Hands with a pair of this kind among what five voters are dealt who say dope to everything."""
    Study.objects.update(mode=mode)
    study.refresh_from_db()
    prepare_golds(study)
    rng = np.random.default_rng(2)
    for _ in range(5):
        voter = cast.ada()
        for _ in range(3):
            dealt = serve_deck(study, voter, 10, rng)
            cast_votes(voter, [Ballot(sign_token(one.token), "dope") for one in dealt])
    hands: dict[object, list[Exposure]] = {}
    for one in Exposure.objects.select_related("pair__query", "repeats").order_by("pk"):
        hands.setdefault(one.group, []).append(one)
    return [hand for hand in hands.values() if any(one.kind == kind for one in hand)]


def test_two_alternatives_get_known_answers_as_one_question(study: Study) -> None:
    """Who chooses the known yes has said no to the other: it is one answer, and counted once."""
    hands = hands_of(study, "two", ExposureKind.GOLD)
    assert hands
    for hand in hands:
        assert sorted((one.kind, one.expected) for one in hand) == [("filler", ""), ("gold", "dope")]
        assert len({one.pair.query_id for one in hand}) == 1
    assert len({hand[0].kind for hand in hands}) == 2


def test_a_grid_holds_a_known_yes_and_a_known_no_among_as_many_tiles_as_usual(study: Study) -> None:
    hands = hands_of(study, "grid", ExposureKind.GOLD)
    assert hands
    for hand in hands:
        query = hand[0].pair.query
        assert {one.pair.query_id for one in hand} == {query.pk}
        assert sorted(one.expected for one in hand if one.kind == "gold") == ["dope", "nope"]
        assert {one.kind for one in hand} <= {"gold", "filler"}
        assert len(hand) == query.slots
    drawn = Vote.objects.filter(exposure__kind__in=["study", "control"], verdict="dope")
    assert sum(Pair.objects.values_list("dope", flat=True)) == drawn.count()


@pytest.mark.parametrize("mode", ["two", "grid"])
def test_what_was_shown_together_comes_back_together(study: Study, mode: str) -> None:
    Study.objects.update(gold_share=0, repeat_share=0.3)
    hands = hands_of(study, mode, ExposureKind.REPEAT)
    assert hands
    for hand in hands:
        earlier = {one.repeats.group for one in hand if one.repeats}
        assert len(earlier) == 1
        before = Exposure.objects.filter(group__in=earlier)
        assert {one.pair_id for one in hand} == set(before.values_list("pair_id", flat=True))
        assert sum(one.repeats is not None for one in hand) == (1 if mode == "two" else len(hand))


def test_a_simulated_crowd_knows_most_answers_and_a_spammer_half(study: Study) -> None:
    simulate_votes(study, votes=600, voters=12, taste=parse_taste("category"), seed=3)
    simulate_votes(study, votes=600, voters=12, taste=parse_taste("category+spam:1"), seed=4)
    right = {True: [0, 0], False: [0, 0]}
    for vote in Vote.objects.filter(exposure__kind="gold").select_related("exposure"):
        is_fast = Vote.objects.filter(voter=vote.voter, response_ms__gt=700).count() < 5
        right[is_fast][vote.verdict == vote.exposure.expected] += 1
    assert right[False][1] > 0.85 * sum(right[False])
    assert 0.3 * sum(right[True]) < right[True][1] < 0.7 * sum(right[True])
