"""What the demo shop sells, before anything is drawn."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalapp.demo.garments import Garment, garments, has_chest_print
from evalapp.demo.palette import COLOURS, luminance
from evalapp.demo.ranges import CATEGORIES, PATTERNS, RANGES
from evalapp.demo.shots import shots_of


@pytest.fixture(scope="module")
def shop() -> list[Garment]:
    return garments(7, 220)


def test_the_same_seed_makes_the_same_shop(shop: list[Garment]) -> None:
    assert garments(7, 220) == shop


def test_another_seed_makes_another_shop(shop: list[Garment]) -> None:
    other = garments(8, 220)
    assert not {garment.product for garment in shop} & {garment.product for garment in other}
    assert [garment.labels() for garment in shop] != [garment.labels() for garment in other]


@given(seed=st.integers(0, 2**31), products=st.integers(len(CATEGORIES), 400))
@settings(max_examples=15, deadline=None)
def test_every_size_of_shop_has_every_category_and_no_product_twice(seed: int, products: int) -> None:
    made = garments(seed, products)
    assert len({garment.product for garment in made}) == len(made) == products
    assert {garment.category for garment in made} == set(CATEGORIES)


def test_too_small_a_shop_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="at least 15 products"):
        garments(7, 14)


def test_the_default_shop_is_large_and_uneven(shop: list[Garment]) -> None:
    counts = Counter(garment.category for garment in shop)
    assert len(shop) >= 200
    assert len(counts) >= 12
    assert counts["dress"] >= 5 * counts["jumpsuit"]
    assert counts == {name: line.share for name, line in RANGES.items()}


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_the_default_shop_gives_at_least_600_pictures(seed: int) -> None:
    shots = [len(shots_of(garment, place)) for place, garment in enumerate(garments(seed, 220))]
    assert min(shots) >= 1
    assert sum(shots) + len(shots) >= 600


def test_every_pattern_is_worn_by_several_products(shop: list[Garment]) -> None:
    counts = Counter(garment.pattern for garment in shop)
    assert set(counts) == set(PATTERNS)
    assert min(counts.values()) >= 5


def test_every_word_comes_from_the_category_it_describes(shop: list[Garment]) -> None:
    for garment in shop:
        line = RANGES[garment.category]
        assert garment.colour in line.colours
        assert garment.pattern in line.patterns
        assert garment.sleeve in line.sleeves
        assert garment.neckline in line.necklines
        assert garment.length in line.lengths
        assert garment.fit in line.fits


def test_a_second_colour_is_named_where_there_is_a_pattern_and_stands_out(shop: list[Garment]) -> None:
    for garment in shop:
        assert (garment.second_colour == "") == (garment.pattern == "plain")
        if garment.second_colour:
            apart = abs(luminance(COLOURS[garment.colour]) - luminance(COLOURS[garment.second_colour]))
            assert apart > 0.15, garment


def test_the_dye_is_close_to_the_colour_it_is_called(shop: list[Garment]) -> None:
    for garment in shop:
        named = COLOURS[garment.colour]
        assert max(abs(a - b) for a, b in zip(garment.base, named, strict=True)) <= 22


def test_all_splits_hold_products_of_every_larger_category(shop: list[Garment]) -> None:
    splits = {(garment.category, garment.split) for garment in shop}
    for name, line in RANGES.items():
        if line.share >= 5:
            assert {split for category, split in splits if category == name} == {"train", "val", "test"}


def test_shots_of_a_garment_are_the_same_for_ever_and_differ_from_each_other(shop: list[Garment]) -> None:
    shots = shots_of(shop[4], 4)
    assert shots == shots_of(shop[4], 4)
    assert len(set(shots)) == len(shots) == 4


def test_only_prints_are_put_on_the_chest(shop: list[Garment]) -> None:
    large = [garment for garment in shop if has_chest_print(garment)]
    assert large
    assert {garment.pattern for garment in large} == {"print"}


def test_what_is_named_can_be_cut(shop: list[Garment]) -> None:
    for garment in shop:
        if garment.sleeve == "strappy":
            assert garment.neckline in {"v-neck", "scoop", "square"}
        if garment.category == "jacket":
            assert (garment.detail, garment.neckline) in {
                ("trucker", "collar"),
                ("bomber", "stand"),
                ("blazer", "lapel"),
            }
        if has_chest_print(garment):
            assert garment.detail not in {"pocket", "zip"}
