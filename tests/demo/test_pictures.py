"""The pictures show the garment that was described, where the box says."""

from dataclasses import replace

import numpy as np
import pytest

from evalapp.demo.garments import Garment, garments
from evalapp.demo.pictures import BACKDROP, Picture, draw_shop, draw_street, take_shop, take_street
from evalapp.demo.ranges import CATEGORIES
from evalapp.demo.scenes import SCENES
from evalapp.demo.scenes.texture import vertical_gradient
from evalapp.demo.shots import SCENES as STAGES
from evalapp.demo.shots import shots_of


@pytest.fixture(scope="module")
def shop() -> list[Garment]:
    return garments(7, 45)


def one_of(shop: list[Garment], category: str) -> Garment:
    return next(garment for garment in shop if garment.category == category)


def inside(picture: Picture) -> np.ndarray:
    """The pixels of the garment, shape (n, 3)."""
    return np.asarray(picture.image)[np.asarray(picture.mask) > 0].astype(float)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_is_drawn_whole_and_large_in_the_shop(shop: list[Garment], category: str) -> None:
    picture = take_shop(one_of(shop, category))
    x1, y1, x2, y2 = picture.box
    assert picture.image.size == (384, 480)
    assert 0 < x1 < x2 < 384
    assert 0 < y1 < y2 < 480
    assert (x2 - x1) / 384 > 0.75 or (y2 - y1) / 480 > 0.75


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_shop_box_holds_all_that_differs_from_the_backdrop(shop: list[Garment], category: str) -> None:
    picture = take_shop(one_of(shop, category))
    empty = np.asarray(vertical_gradient(768, 960, BACKDROP).reduce(2)).astype(int)
    differs = np.abs(np.asarray(picture.image).astype(int) - empty).max(axis=2) > 90
    rows, columns = np.nonzero(differs.any(axis=1))[0], np.nonzero(differs.any(axis=0))[0]
    x1, y1, x2, y2 = picture.box
    assert x1 - 1 <= columns.min()
    assert columns.max() <= x2
    assert y1 - 1 <= rows.min()
    assert rows.max() <= y2


def test_the_box_is_the_tightest_around_the_mask_in_street_pictures(shop: list[Garment]) -> None:
    for place, garment in enumerate(shop[::6]):
        for shot in shots_of(garment, place):
            picture = take_street(garment, shot)
            rows, columns = np.nonzero(np.asarray(picture.mask))
            assert picture.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert picture.mask.size == picture.image.size
            assert len(rows) > 0.04 * picture.image.width * picture.image.height


def test_the_same_shot_is_the_same_picture_and_another_is_not(shop: list[Garment]) -> None:
    garment = one_of(shop, "dress")
    first, second = shots_of(garment, 4)[:2]
    assert draw_street(garment, first).tobytes() == draw_street(garment, first).tobytes()
    assert draw_street(garment, first).tobytes() != draw_street(garment, replace(first, seed=first.seed + 1)).tobytes()
    assert take_street(garment, first).box != take_street(garment, second).box


def test_the_picture_is_the_size_that_is_asked_for(shop: list[Garment]) -> None:
    garment = one_of(shop, "skirt")
    shot = replace(shots_of(garment, 0)[0], aspect=0.75)
    assert draw_shop(garment, 240).size == (192, 240)
    assert draw_street(garment, shot, 240).size == (180, 240)


def test_the_mask_lies_where_the_garment_is_in_the_picture(shop: list[Garment]) -> None:
    """The same shot of the garment dyed otherwise differs inside the mask and nowhere far from it."""
    garment = replace(one_of(shop, "t-shirt"), pattern="plain", base=(247, 245, 240))
    shot = replace(shots_of(garment, 0)[0], stage="flat", scene="planks", shade="", noise=0.0, blur=0.0)
    picture, dyed = take_street(garment, shot), take_street(replace(garment, base=(46, 45, 50)), shot)
    differs = np.abs(np.asarray(picture.image).astype(int) - np.asarray(dyed.image).astype(int)).max(axis=2) > 60
    garment_pixels = np.asarray(picture.mask) > 0
    assert (differs & garment_pixels).sum() > 0.8 * garment_pixels.sum()
    assert (differs & ~garment_pixels).sum() < 0.02 * garment_pixels.sum()


@pytest.mark.parametrize("stage", STAGES)
def test_every_scene_can_be_the_background(shop: list[Garment], stage: str) -> None:
    garment = one_of(shop, "shirt")
    shot = replace(shots_of(garment, 0)[0], stage=stage)
    pictures = [draw_street(garment, replace(shot, scene=scene), 120).tobytes() for scene in set(STAGES[stage])]
    assert set(STAGES[stage]) <= set(SCENES)
    assert len(set(pictures)) == len(pictures)


def test_two_shots_of_a_product_are_nearer_in_colour_than_products_of_other_colours(shop: list[Garment]) -> None:
    cream, navy = (
        replace(one_of(shop, "t-shirt"), pattern="plain", colour=name, base=base)
        for name, base in (("cream", (240, 228, 204)), ("navy", (43, 56, 92)))
    )
    means = {
        name: [inside(take_street(garment, shot)).mean(axis=0) for shot in shots_of(cream, 4)]
        for name, garment in (("cream", cream), ("navy", navy))
    }
    same = max(np.linalg.norm(shots[a] - shots[b]) for shots in means.values() for a, b in ((0, 1), (2, 3)))
    other = min(np.linalg.norm(a - b) for a in means["cream"] for b in means["navy"])
    assert other > same


def test_plain_products_show_the_colour_they_are_named_after(shop: list[Garment]) -> None:
    for garment in shop:
        if garment.pattern == "plain":
            shown = np.median(inside(take_shop(garment)), axis=0)
            assert np.abs(shown - np.array(garment.base)).max() < 46, garment.labels()


def test_folds_belong_to_the_garment_and_not_to_the_shot(shop: list[Garment]) -> None:
    garment = one_of(shop, "coat")
    assert draw_shop(garment).tobytes() == draw_shop(garment).tobytes()
    assert draw_shop(garment).tobytes() != draw_shop(replace(garment, grain=garment.grain + 1)).tobytes()
