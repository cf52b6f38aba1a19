"""Votes propose triplets for review: what people liked of a query against what they noped."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evalapp.catalog.models import Triplet
from evalapp.catalog.services.item_flags import flag_items
from evalapp.core.domain.errors import InvalidInput
from evalapp.studies.models import Pair, Study
from evalapp.studies.services.triplet_proposals import propose_from_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def voted() -> Study:
    """Every query has a candidate that people like and one that they do not; the first query's are the clearest."""
    study = cast.ready_study()
    for query in study.queries.order_by("position"):
        pairs = list(Pair.objects.filter(query=query).order_by("pk"))
        for place, pair in enumerate(pairs[:2]):
            pair.dope, pair.nope = (9 - query.position, 0) if place == 0 else (1, 10 - query.position)
            pair.save()
    return study


def test_the_clearest_come_first_and_name_their_study(voted: Study) -> None:
    assert propose_from_votes(voted, 1) == 1
    [triplet] = Triplet.objects.all()
    first = voted.queries.get(position=0)
    liked, noped = Pair.objects.filter(query=first).order_by("pk")[:2]
    assert (triplet.anchor_id, triplet.positive_id, triplet.negative_id) == (
        first.item_id,
        liked.candidate_id,
        noped.candidate_id,
    )
    assert triplet.source == f"study:{voted.slug}"


def test_nothing_is_proposed_twice_nor_with_a_flagged_picture(voted: Study) -> None:
    flagged = voted.queries.get(position=0).item
    flag_items(voted.catalogue.slug, [flagged.key], "wrong label")
    new = propose_from_votes(voted, 100)
    assert 0 < new < voted.queries.count()
    assert propose_from_votes(voted, 100) == 0
    used = {pk for row in Triplet.objects.values_list("anchor", "positive", "negative") for pk in row}
    assert flagged.pk not in used


def test_a_pair_that_splits_people_evenly_claims_nothing(voted: Study) -> None:
    Pair.objects.update(dope=3, nope=3)
    with pytest.raises(InvalidInput, match="claim no triplet"):
        propose_from_votes(voted, 10)


def test_the_command_proposes_from_labels_or_from_votes_and_says_how_many_wait(voted: Study) -> None:
    shop = voted.catalogue.slug
    out = StringIO()
    call_command("propose_triplets", shop, "--number", "5", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"catalogue": shop, "new": 5, "waiting": 5}
    out = StringIO()
    call_command("propose_triplets", "--study", voted.slug, "--number", "2", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"catalogue": shop, "new": 2, "waiting": 7}
    with pytest.raises(CommandError, match="Name a catalogue"):
        call_command("propose_triplets")
