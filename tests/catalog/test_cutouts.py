"""What is shown of an item with a box is its box: cut out, with a margin, or the whole with the rest in the dark."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evalapp.catalog.domain.box_styles import PLAIN, BoxStyle, with_margin
from evalapp.catalog.domain.image_padding import STEP
from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.models import Cutout, Item, Picture
from evalapp.catalog.queries import shown_of, shown_under
from evalapp.catalog.services.cutouts import ensure_cutouts
from evalapp.catalog.services.items import ItemDraft, upsert_items
from evalapp.catalog.services.renditions import (
    ensure_rendition,
    ensure_renditions,
    image_of,
    make_rendition,
    picture_url,
    rendition_name,
)
from evalapp.catalog.services.withdraw_pictures import withdraw_pictures
from models_registry.pictures import open_rgb
from models_registry.spec import Box
from tests.catalog.drawing import BLUE, RED

SHIRT, SKIRT = (10, 5, 50, 35), (10, 45, 50, 75)


def two_garments(kind: str = "PNG") -> bytes:
    """60 x 80: a red shirt above a blue skirt on white."""
    image = Image.new("RGB", (60, 80), "white")
    image.paste(RED, SHIRT)
    image.paste(BLUE, SKIRT)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.fixture
def garments(db: None) -> dict[str, Item]:
    """Two items of one picture, and the picture as a third."""
    original = store_original(two_garments())
    drafts = [
        ItemDraft("shirt", "a.png", original, box=SHIRT),
        ItemDraft("skirt", "a.png", original, box=SKIRT),
        ItemDraft("whole", "a.png", original),
    ]
    upsert_items("shop", drafts)
    return {item.key: item for item in Item.objects.select_related("picture", "cutout")}


def pixels(shown: object) -> np.ndarray:
    return np.asarray(image_of(shown))  # type: ignore[arg-type]


@given(
    box=st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(1, 40), st.integers(1, 40)),
    margin=st.integers(0, 100),
)
def test_a_margin_never_leaves_the_picture_nor_loses_the_box(box: tuple[int, int, int, int], margin: int) -> None:
    x1, y1, across, down = box
    inside = (x1, y1, min(100, x1 + across), min(100, y1 + down))
    left, top, right, bottom = with_margin(inside, margin, 100, 100)
    assert 0 <= left <= inside[0] < inside[2] <= right <= 100
    assert 0 <= top <= inside[1] < inside[3] <= bottom <= 100


@pytest.mark.database
@pytest.mark.usefixtures("garments")
class TestTwoGarmentsOfOnePicture:
    def test_each_is_shown_as_its_box(self, garments: dict[str, Item]) -> None:
        shirt, skirt, whole = (garments[key].shown for key in ("shirt", "skirt", "whole"))
        assert (pixels(shirt) == RED).all()
        assert (pixels(skirt) == BLUE).all()
        assert len({shirt.public_id, skirt.public_id, whole.public_id}) == 3
        assert (shirt.width, shirt.height) == pixels(shirt).shape[1::-1] == (40, 30)
        assert whole == garments["whole"].picture

    def test_the_pixels_judged_are_the_pixels_that_become_the_vector(self, garments: dict[str, Item]) -> None:
        box = Box(*SHIRT)
        compared = open_rgb(two_garments()).crop((box.x1, box.y1, box.x2, box.y2))
        assert (pixels(garments["shirt"].shown) == np.asarray(compared)).all()

    def test_addresses_and_answers_of_boxes_are_like_those_of_pictures(
        self, garments: dict[str, Item], client: Client
    ) -> None:
        shown = [item.shown for item in garments.values()]
        ensure_renditions(
            [one.pk for one in shown if isinstance(one, Picture)], [one.pk for one in shown if isinstance(one, Cutout)]
        )
        found = [client.get(picture_url(one.public_id)) for one in shown]
        assert {answer.status_code for answer in found} == {200}
        assert {len(answer.content) % STEP for answer in found} == {0}
        assert len({tuple(sorted(answer.headers)) for answer in found}) == 1
        assert {len(picture_url(item.shown.public_id)) for item in garments.values()} == {len("/pictures/.webp") + 22}
        assert client.get(picture_url("x" * 22)).status_code == 404

    def test_an_item_keeps_its_name_when_it_is_imported_again(self, garments: dict[str, Item]) -> None:
        before = {key: item.shown.public_id for key, item in garments.items()}
        original = store_original(two_garments())
        upsert_items("shop", [ItemDraft("shirt", "a.png", original, box=SHIRT, category="shirt")])
        upsert_items("other", [ItemDraft("shirt", "b.png", original, box=SHIRT)])
        shirts = Item.objects.filter(key="shirt").select_related("cutout", "picture")
        assert [shirt.shown.public_id for shirt in shirts] == [before["shirt"]] * 2
        upsert_items("shop", [ItemDraft("shirt", "a.png", original, box=(0, 0, 60, 40))])
        assert Item.objects.get(catalogue__slug="shop", key="shirt", removed=False).shown.width == 60

    def test_a_margin_shows_what_is_around_and_ends_at_the_picture(self, garments: dict[str, Item]) -> None:
        style = BoxStyle(margin=50)
        ids = [item.pk for item in garments.values()]
        ensure_cutouts(ids, style)
        ensure_cutouts(ids, style)
        shown = shown_of(ids, style)
        shirt = shown[garments["shirt"].pk]
        # 20 columns more on each side, and 15 rows, of which 5 are there above.
        assert (shirt.width, shirt.height) == pixels(shirt).shape[1::-1] == (60, 50)
        assert shown[garments["whole"].pk] == garments["whole"].picture
        assert Cutout.objects.count() == 4

    def test_dimmed_is_the_whole_picture_dark_outside_the_box(self, garments: dict[str, Item]) -> None:
        style = BoxStyle(dimmed=True)
        ensure_cutouts([garments["shirt"].pk], style)
        shirt = shown_of([garments["shirt"].pk], style)[garments["shirt"].pk]
        seen = pixels(shirt)
        assert (shirt.width, shirt.height) == seen.shape[1::-1] == (60, 80)
        assert (seen[5:35, 10:50] == RED).all()
        outside = np.ones(seen.shape[:2], dtype=bool)
        outside[5:35, 10:50] = False
        assert (seen[outside] < 90).all()

    def test_nothing_from_outside_the_box_bleeds_into_what_is_shown(self, garments: dict[str, Item]) -> None:
        for scale in (1, 2):
            made = Image.open(io.BytesIO(make_rendition(garments["skirt"].shown, scale=scale))).convert("RGB")
            assert np.abs(np.asarray(made).astype(int) - BLUE).max() < 12

    def test_cutouts_are_made_ahead_and_what_fails_is_told(self, garments: dict[str, Item]) -> None:
        shown = garments["shirt"].shown
        assert ensure_renditions(cutout_ids=[shown.pk]) == []
        connection.cursor().execute("UPDATE catalog_picture SET file = 'originals/gone'")
        assert [pk for pk, _ in ensure_renditions(cutout_ids=[garments["skirt"].shown.pk])] == [shown.picture_id]
        assert shown_under(shown.public_id) == shown
        assert shown_of([garments["shirt"].pk], PLAIN)[garments["shirt"].pk] == shown


@pytest.mark.django_db(transaction=True)
def test_withdrawing_a_picture_takes_down_what_was_cut_out_of_it(garments: dict[str, Item], client: Client) -> None:
    cutouts = [garments[key].cutout for key in ("shirt", "skirt")]
    names = [rendition_name(cutout.public_id, "webp", 1) for cutout in cutouts if cutout]
    for cutout in cutouts:
        assert cutout
        ensure_rendition(cutout)
    assert all(map(default_storage.exists, names))

    withdraw_pictures("shop", ["shirt"])

    assert not any(map(default_storage.exists, names))
    assert {client.get(picture_url(cutout.public_id)).status_code for cutout in cutouts if cutout} == {404}
