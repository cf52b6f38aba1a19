"""Which pictures become known answers: by their labels, in pairs of a yes and a no, and none that was taken away."""

from __future__ import annotations

import pytest

from evalapp.catalog.models import Item
from evalapp.studies.models import Gallery, Query, Study
from evalapp.voting.models import Gold
from evalapp.voting.services.gold_pairs import prepare_golds
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

TWINS = {position: f"item-{position - 2:04d}" for position in range(30) if position % 4 > 1}
"""By the position of a query, the other picture of its product where no contender nominated it."""


@pytest.fixture
def study() -> Study:
    """Its pictures have no files, so that a known yes is another picture of the product."""
    study = cast.open_study(queries=30, catalogue=cast.wardrobe(items=120))
    Study.objects.update(gold_share=0.2)
    study.refresh_from_db()
    return study


def known_answers(expected: str) -> dict[int, str]:
    """The pictures whose answer is known, by the positions of their queries."""
    golds = Gold.objects.filter(expected=expected).select_related("pair__query", "pair__candidate")
    return {gold.pair.query.position: gold.pair.candidate.key for gold in golds}


def test_every_query_with_an_unnominated_twin_gets_a_yes_and_a_no(study: Study) -> None:
    assert prepare_golds(study) == 2 * len(TWINS)
    assert known_answers("dope") == TWINS
    assert known_answers("nope").keys() == TWINS.keys()


def test_no_more_queries_get_them_than_are_wanted(study: Study) -> None:
    prepare_golds(study, most=12)
    assert 0 < len(known_answers("dope")) == len(known_answers("nope")) <= 12


def test_a_query_of_which_nothing_is_shown_gets_none(study: Study) -> None:
    Query.objects.filter(position=10).update(slots=0)
    prepare_golds(study)
    assert known_answers("dope") == {position: key for position, key in TWINS.items() if position != 10}


def test_a_picture_that_was_removed_is_no_known_answer(study: Study) -> None:
    """Of the twins one, and of the pictures that could be a no all that are no query."""
    Item.objects.filter(key="item-0004").update(removed=True)
    Item.objects.filter(key__gt="item-0040").update(removed=True)
    prepare_golds(study)
    assert known_answers("dope") == {position: key for position, key in TWINS.items() if position != 6}
    assert not Gold.objects.filter(pair__candidate__removed=True).exists()


def test_a_picture_outside_the_gallery_is_no_known_answer(study: Study) -> None:
    kept = list(study.catalogue.items.exclude(key="item-0004").filter(key__lt="item-0060").values_list("pk", flat=True))
    Gallery.objects.filter(study=study).update(items=kept)
    prepare_golds(study)
    assert 6 not in known_answers("dope")
    assert set(Gold.objects.values_list("pair__candidate", flat=True)) <= set(kept)


@pytest.mark.parametrize("labels", [{"category": "dress"}, {"category": "", "product": "the-same"}])
def test_where_all_pictures_are_alike_no_answer_is_known(study: Study, labels: dict[str, str]) -> None:
    """Not a no, and so no yes either: one alone would let people learn what odd pairs are."""
    Item.objects.update(**labels)
    assert prepare_golds(study) == 0


def test_pictures_without_a_category_are_told_apart_by_their_products(study: Study) -> None:
    Item.objects.update(category="")
    prepare_golds(study)
    assert known_answers("dope") == TWINS
    for gold in Gold.objects.filter(expected="nope").select_related("pair__query__item", "pair__candidate"):
        assert gold.pair.candidate.product != gold.pair.query.item.product


def test_what_a_contender_nominated_is_no_known_answer(study: Study) -> None:
    prepare_golds(study)
    assert not Gold.objects.filter(pair__nominations__isnull=False).exists()
