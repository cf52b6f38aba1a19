"""A removed picture is off the air, and one can be taken down for good."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client

from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.models import Item, Picture
from evalapp.catalog.services.items import ItemDraft, remove_items, upsert_items
from evalapp.catalog.services.renditions import ensure_rendition, ensure_renditions, picture_url, rendition_name
from evalapp.catalog.services.withdraw_pictures import withdraw_pictures
from tests.catalog.drawing import BLUE, RED, picture

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def dress() -> Picture:
    upsert_items("shop", [ItemDraft("dress", "dress.png", store_original(picture(RED)))])
    return drawn(Item.objects.get().picture)


def drawn(shown: Picture) -> Picture:
    """As precomputing leaves it."""
    assert ensure_renditions([shown.pk]) == []
    return shown


def copy_of(source: Picture) -> Picture:
    """The treated picture of a known answer."""
    original = store_original(picture(BLUE))
    made = Picture.objects.create(
        sha256=original.sha256, file=original.file, width=original.width, height=original.height, size=original.size,
        made_from=source,
    )  # fmt: skip
    return drawn(made)


def status(client: Client, shown: Picture) -> int:
    return client.get(picture_url(shown.public_id)).status_code


def test_a_removed_picture_is_gone_and_so_is_what_was_made_of_it(client: Client, dress: Picture) -> None:
    made = copy_of(dress)
    assert (status(client, dress), status(client, made)) == (200, 200)
    remove_items("shop", ["dress"])
    assert (status(client, dress), status(client, made)) == (404, 404)
    upsert_items("shop", [ItemDraft("dress", "dress.png", store_original(picture(RED)))])
    assert status(client, dress) == 200


def test_a_replaced_picture_is_still_shown_by_the_studies_that_began_with_it(client: Client, dress: Picture) -> None:
    upsert_items("shop", [ItemDraft("dress", "dress.png", store_original(picture(BLUE)))])
    assert status(client, dress) == 200


def test_what_another_catalogue_shows_stays(client: Client, dress: Picture) -> None:
    upsert_items("other", [ItemDraft("frock", "frock.png", store_original(picture(RED)))])
    remove_items("shop", ["dress"])
    assert status(client, dress) == 200


@pytest.mark.django_db(transaction=True)
def test_a_withdrawn_picture_leaves_every_catalogue_and_its_files_are_gone(client: Client, dress: Picture) -> None:
    upsert_items("other", [ItemDraft("frock", "frock.png", store_original(picture(RED)))])
    made = copy_of(dress)
    ensure_rendition(dress)
    assert withdraw_pictures("shop", ["dress"]) == 1
    assert not Item.objects.filter(removed=False).exists()
    for name in (dress.file, made.file, rendition_name(dress.public_id)):
        assert not default_storage.exists(name)
    assert (status(client, dress), status(client, made)) == (404, 404)


def test_the_same_bytes_are_never_taken_in_again_and_the_import_says_so(
    admin_client: Client, dress: Picture, tmp_path: Path
) -> None:
    assert admin_client.post(
        "/api/v1/catalogues/shop/items/withdraw/", {"keys": ["dress"]}, content_type="application/json"
    ).json() == {"withdrawn": 1, "version": 2}
    brought = tmp_path / "brought"
    brought.mkdir()
    (brought / "again.png").write_bytes(picture(RED))
    (brought / "blue.png").write_bytes(picture(BLUE))
    out = io.StringIO()
    call_command("import_catalogue", "shop", str(brought), stdout=out)
    assert "withdrawn" in out.getvalue()
    assert list(Item.objects.filter(removed=False).values_list("path", flat=True)) == ["blue.png"]
    upload = {"picture": io.BytesIO(picture(RED)), "key": "again"}
    assert "withdrawn" in admin_client.post("/api/v1/catalogues/shop/items/", upload).json()["error"]["message"]


def test_it_is_done_by_command_and_in_the_lab(admin_client: Client, dress: Picture) -> None:
    answer = admin_client.post("/lab/catalogues/shop/flags/", {"key": "dress", "withdraw": ""}, follow=True)
    assert "1 pictures withdrawn for good" in answer.content.decode()
    out = io.StringIO()
    call_command("withdraw_pictures", "shop", "dress", stdout=out)
    assert out.getvalue() == "0 pictures withdrawn for good.\n"
