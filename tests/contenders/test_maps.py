"""A map is asked for, drawn by a worker, and shown with a table of the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.catalog.models import Item
from evalapp.catalog.services.item_flags import flag_items
from evalapp.contenders.models import EmbeddingMap
from evalapp.contenders.services.projections import map_by_id, places_of, request_map
from evalapp.contenders.services.registration import register_model
from evalapp.core.pipeline.chunk_work import work_on
from tests import cast
from tests.catalog.drawing import folder, numbered

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def shop(tmp_path: Path) -> None:
    files = {f"{'hat' if number % 2 else 'dress'}/{number:02d}.png": numbered(number * 900) for number in range(30)}
    call_command("import_catalogue", "shop", str(folder(tmp_path / "shop", files)), verbosity=0)
    register_model(source="colour-histogram", name="colours", options={})


def drawn(items: int = 20) -> EmbeddingMap:
    found = request_map(Item.objects.all()[0].catalogue, "colours", items=items)
    assert found.job_id is not None
    work_on(found.job_id)
    return map_by_id(found.pk)


def test_a_worker_embeds_what_is_missing_and_lays_it_out(shop: None) -> None:
    found = drawn()
    assert found.job is not None
    assert (found.job.state, found.job.error) == ("done", "")
    places = places_of(found)
    assert len(places) == 20
    assert all(-1 <= place.x <= 1 and -1 <= place.y <= 1 for place in places)
    assert len({(place.x, place.y) for place in places}) == 20


def test_flagged_items_are_not_on_the_map(shop: None) -> None:
    flag_items("shop", ["dress/00.png"], "other")
    assert "dress/00.png" not in {place.item.key for place in places_of(drawn(items=30))}


def test_the_page_shows_the_map_its_points_and_a_table(shop: None, admin_client: Client) -> None:
    found = drawn()
    page = admin_client.get(f"/lab/maps/{found.pk}/").content.decode()
    points = admin_client.get(f"/lab/maps/{found.pk}/points.json").json()["places"]
    assert len(points) == page.count('<th scope="row">') == 20
    assert {point["category"] for point in points} == {"hat", "dress"}
    assert all(point["key"] in page and point["image"].startswith("/pictures/") for point in points)
    assert f"Map {found.pk}" in admin_client.get("/lab/maps/").content.decode()


def test_a_map_is_asked_for_in_the_lab(shop: None, admin_client: Client) -> None:
    answer = admin_client.post("/lab/maps/new/", {"catalogue": "shop", "embedding": "colours", "items": "15"})
    found = EmbeddingMap.objects.get()
    assert answer["Location"] == f"/lab/maps/{found.pk}/"
    assert "How far it is" in admin_client.get(f"/lab/maps/{found.pk}/").content.decode()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"items": "5"}, "between 10 and 5,000"),
        ({"items": "x"}, "between 10 and 5,000"),
        ({"embedding": "gone"}, "names no registered model"),
        ({"catalogue": "gone"}, "no catalogue"),
    ],
)
def test_words_that_are_off_are_told(shop: None, admin_client: Client, words: dict[str, str], said: str) -> None:
    asked = {"catalogue": "shop", "embedding": "colours", "items": "15", **words}
    assert said in admin_client.post("/lab/maps/new/", asked, follow=True).content.decode()
    assert not EmbeddingMap.objects.exists()


def test_a_catalogue_too_small_for_a_map_is_told(shop: None) -> None:
    cast.wardrobe("tiny", items=4)
    with pytest.raises(CommandError, match="has 4 pictures; a map needs 10"):
        call_command("draw_map", "tiny", "colours")


def test_maps_are_for_operators(client: Client) -> None:
    for address in ("/lab/maps/", "/lab/maps/1/", "/lab/maps/1/points.json"):
        assert "/admin/login/" in client.get(address)["Location"]


def test_an_unknown_map_is_not_found(admin_client: Client) -> None:
    assert admin_client.get("/lab/maps/99/").status_code == 404
