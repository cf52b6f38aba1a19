"""Examples of every contender, and flagged pairs to settle."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evalapp.studies.models import Nomination, Pair, PairFlag, Study
from evalapp.studies.queries.examples import example_galleries
from evalapp.studies.services.pair_flags import REPORTS_TO_FLAG, count_reports, flagged_pairs
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

EXAMPLES, FLAGS = "/lab/studies/match/examples/", "/lab/studies/match/flags/"


@pytest.fixture
def study() -> Study:
    study = cast.open_study(queries=8)
    for number, row in enumerate(Nomination.objects.filter(rank=1).exclude(distance=None).order_by("pk")):
        row.distance = (number * 7 % 16) / 10
        row.save()
    return study


def test_best_is_nearest_worst_is_farthest_and_nothing_is_shown_twice(study: Study) -> None:
    galleries = {gallery.contender.name: gallery for gallery in example_galleries(study, each=2)}
    assert set(galleries) == {cast.FC6, cast.FC7}
    for name, gallery in galleries.items():
        first = Nomination.objects.filter(contender__name=name, rank=1).order_by("distance", "pair")
        every = list(first.values_list("pair", flat=True))
        assert [example.pair.pk for example in gallery.best] == every[:2]
        assert [example.pair.pk for example in gallery.worst] == every[-2:]
        assert [example.pair.pk for example in gallery.median] == every[3:5]
    few = example_galleries(study, each=6)[0]
    shown = [example.pair.pk for part in (few.best, few.median, few.worst) for example in part]
    assert len(shown) == len(set(shown)) == 8


def test_by_votes_the_liked_come_first_and_the_control_is_shown_too(study: Study) -> None:
    assert example_galleries(study, "votes") == []
    liked, disliked = Pair.objects.filter(slot__isnull=False).order_by("pk")[:2]
    Pair.objects.filter(pk=liked.pk).update(dope=9)
    Pair.objects.filter(pk=disliked.pk).update(nope=9, dope=1)
    for gallery in example_galleries(study, "votes"):
        shares = [example.share for example in (*gallery.best, *gallery.median, *gallery.worst)]
        assert shares == sorted(shares, reverse=True)  # type: ignore[type-var]
    assert {example.pair.pk for gallery in example_galleries(study, "votes") for example in gallery.best} == {
        liked.pk,
        disliked.pk,
    }


def test_the_page_costs_as_many_statements_for_many_contenders_as_for_few(study: Study, admin_client: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert admin_client.get(EXAMPLES).status_code == 200
        return len(caught)

    many = statements()
    Nomination.objects.filter(contender__name=cast.FC7).delete()
    assert statements() == many


def test_the_page_shows_both_pictures_with_the_box_drawn(study: Study, admin_client: Client) -> None:
    pair = example_galleries(study)[0].best[0].pair
    type(pair.query.item).objects.filter(pk=pair.query.item_id).update(x1=10, y1=20, x2=50, y2=90)
    page = admin_client.get(EXAMPLES).content.decode()
    for item in (pair.query.item, pair.candidate):
        assert f"/pictures/{item.picture.public_id}.webp" in page
    assert '<rect x="10" y="20" width="40" height="70"/>' in page
    assert "By votes" in page


def test_reported_pairs_wait_to_be_settled(study: Study, admin_client: Client) -> None:
    assert "nobody has reported" in admin_client.get(FLAGS).content.decode()
    pair = study.pairs.filter(slot__isnull=False).order_by("pk")[0]
    for _ in range(REPORTS_TO_FLAG):
        count_reports({pair.pk: 1})
    page = admin_client.get(FLAGS).content.decode()
    assert f"{REPORTS_TO_FLAG} reports" in page
    assert "active" in page
    admin_client.post(f"{FLAGS}change/", {"pair": pair.pk, "lift": ""})
    assert flagged_pairs(study) == set()
    admin_client.post(f"{FLAGS}change/", {"pair": pair.pk, "reason": "bad box"})
    assert flagged_pairs(study) == {pair.pk}


@pytest.mark.parametrize("words", [{}, {"pair": "x", "reason": "other"}, {"pair": "0", "lift": ""}])
def test_calls_that_cannot_be_meant_change_nothing(study: Study, admin_client: Client, words: dict[str, str]) -> None:
    assert admin_client.post(f"{FLAGS}change/", words).status_code == 302
    assert not PairFlag.objects.exists()


def test_only_operators_come_in(study: Study, client: Client, admin_client: Client) -> None:
    for address in (EXAMPLES, FLAGS):
        assert "/admin/login/" in client.get(address)["Location"]
        assert admin_client.get(address.replace("match", "gone")).status_code == 404
