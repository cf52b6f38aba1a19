"""Splits that leak nothing and move nothing."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from itertools import accumulate, permutations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models_registry.evaluate import difference_hash, near_duplicates, split_of, split_units, split_whole_groups
from models_registry.evaluate.leak_free_splits import NEAR, SHARES


def test_shares_are_about_what_was_asked_for_and_the_salt_deals_anew() -> None:
    names = [f"product/{number}" for number in range(4000)]
    splits = [split_of(name, salt="one") for name in names]
    counts = Counter(splits)
    assert counts["train"] / 4000 == pytest.approx(0.7, abs=0.03)
    assert counts["test"] / 4000 == pytest.approx(0.2, abs=0.03)
    assert splits == [split_of(name, salt="one") for name in names]
    assert splits != [split_of(name, salt="two") for name in names]


def test_a_split_is_fixed_for_ever() -> None:
    """Golden: whoever changes these moves test items into training on every machine."""
    found = [split_of(f"product/{number}", salt="salt") for number in range(8)]
    assert found == ["train", "val", "train", "train", "test", "train", "train", "train"]


def test_half_and_half_leaves_nothing_over() -> None:
    halves = {split_of(str(number), salt="", shares={"train": 0.5, "test": 0.5}) for number in range(100)}
    assert halves == {"train", "test"}


@pytest.mark.parametrize("shares", [{"train": 0.5, "test": 0.4}, {"train": 1.2, "test": -0.2}])
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="add to 1"):
        split_of("a", salt="", shares=shares)  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 2**64 - 1), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_clusters_are_those_of_comparing_all_pairs(hashes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    near = [value ^ sum(1 << int(bit) for bit in rng.choice(64, rng.integers(0, 5), replace=False)) for value in hashes]
    every = np.array([*hashes, *(value or 1 for value in near)], dtype=np.uint64)
    found = near_duplicates(every)
    joined = np.eye(len(every), dtype=bool)
    for i in range(len(every)):
        for j in range(len(every)):
            joined[i, j] |= int(every[i] ^ every[j]).bit_count() <= NEAR
    for _ in range(len(every).bit_length()):
        joined = joined @ joined
    assert ((found[:, None] == found[None, :]) == joined).all()


def test_flat_pictures_are_no_duplicates_of_each_other() -> None:
    assert len(set(near_duplicates(np.zeros(3, dtype=np.uint64)).tolist())) == 3


def photo(seed: int) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((120, 160), Image.Resampling.BICUBIC)


def test_a_picture_saved_again_is_a_near_duplicate_and_another_is_not() -> None:
    stored = io.BytesIO()
    photo(1).save(stored, "JPEG", quality=30)
    again = Image.open(stored).resize((60, 80))
    hashes = np.array([difference_hash(image) for image in (photo(1), again, photo(2))], dtype=np.uint64)
    clusters = near_duplicates(hashes).tolist()
    assert clusters[0] == clusters[1] != clusters[2]


def test_the_unit_is_the_product_else_the_cluster_else_the_item() -> None:
    hashes = np.array([0b111 << 40, 0b111 << 9, 0b1111 << 9, 1 << 63 | 0xFFFF], dtype=np.uint64)
    found = split_units(["p", None, None, None], ["a", "b", "c", "d"], hashes)
    assert found == ["product/p", "item/b", "item/b", "item/d"]
    assert split_units(["p", None], ["a", "b"]) == ["product/p", "item/b"]


def test_products_that_share_a_picture_are_one_unit() -> None:
    same = np.array([255 << 20, 255 << 20, 1 << 50, 1 << 50], dtype=np.uint64)
    assert set(split_units(["p", "q", "q", None], ["a", "b", "c", "d"], same)) == {"item/d"}


@pytest.mark.parametrize("groups", [3, 4, 10])
def test_whole_groups_fill_every_split_and_are_parted_by_none(groups: int) -> None:
    names = [f"group-{number % groups}" for number in range(100)] + [None]
    for salt in ("a", "b", "c"):
        found = split_whole_groups(names, salt=salt)
        assert found[-1] is None
        splits_of = {name: {split for split, one in zip(found, names, strict=True) if one == name} for name in names}
        assert all(len(splits) == 1 for splits in splits_of.values())
        assert {*found[:-1]} == {"train", "val", "test"}


def test_whole_groups_come_to_their_shares_where_there_are_many() -> None:
    found = split_whole_groups([f"group-{number % 50}" for number in range(1000)], salt="a")
    assert [found.count(split) for split in ("train", "val", "test")] == [700, 100, 200]


def test_two_groups_cannot_be_split_in_three() -> None:
    with pytest.raises(ValueError, match="2 groups"):
        split_whole_groups(["a", "b", None], salt="a")


@pytest.mark.parametrize(("bits", "is_near"), [(0, True), (3, True), (4, False)])
def test_hashes_are_near_up_to_three_bits(bits: int, is_near: bool) -> None:
    one = 0b1011 << 30
    first, second = near_duplicates(np.array([one, one ^ ((1 << bits) - 1)], dtype=np.uint64)).tolist()
    assert (first == second) == is_near


@pytest.mark.parametrize("end", [b"\0", b"\xff"])
def test_a_split_without_a_share_gets_nothing_at_either_end(end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last units there are: their share of 1 is 1 itself, or 0."""
    monkeypatch.setattr(
        "models_registry.evaluate.leak_free_splits.hashlib.sha256", lambda _: SimpleNamespace(digest=lambda: end * 32)
    )
    assert split_of("a", salt="", shares={"test": 0.0, "train": 1.0, "val": 0.0}) == "train"


@pytest.mark.parametrize(("total", "is_right"), [(1 + 1e-10, True), (1 - 1e-10, True), (1 + 1e-8, False)])
def test_shares_add_to_one_as_far_as_numbers_can(total: float, is_right: bool) -> None:
    shares = {"train": 0.5, "test": total - 0.5}
    if is_right:
        assert split_of("a", salt="", shares=shares) in shares  # type: ignore[arg-type]
        return
    with pytest.raises(ValueError, match="add to 1"):
        split_of("a", salt="", shares=shares)  # type: ignore[arg-type]


def test_the_hash_says_of_each_cell_whether_it_is_darker_than_its_right_neighbour() -> None:
    cells = np.random.default_rng(3).integers(0, 4, (8, 9)) * 60
    bits = "".join(str(int(row[column] < row[column + 1])) for row in cells for column in range(8))
    image = Image.fromarray(np.kron(cells, np.ones((5, 4))).astype(np.uint8)).convert("RGB")
    assert difference_hash(image) == int(bits, 2)


def test_only_hashes_that_agree_in_a_band_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each band of 16 bits parts the hashes as a dictionary does; compared all with all, a catalogue takes days."""
    hashes = np.random.default_rng(5).integers(1, 6, (30, 4)).astype(np.uint64)
    every = np.unique((hashes << np.arange(0, 64, 16, dtype=np.uint64)).sum(axis=1, dtype=np.uint64))
    buckets: list[set[int]] = []
    monkeypatch.setattr(
        "models_registry.evaluate.leak_free_splits._join_near",
        lambda _groups, distinct, bucket, _near: buckets.append({int(value) for value in distinct[bucket]}),
    )
    near_duplicates(every)
    wanted: list[set[int]] = []
    for low in (0, 16, 32, 48):
        by_band: dict[int, set[int]] = {}
        for value in every.tolist():
            by_band.setdefault(value >> low & 0xFFFF, set()).add(value)
        wanted += by_band.values()
    assert sorted(map(sorted, buckets)) == sorted(map(sorted, wanted))


@pytest.mark.parametrize(
    "shares",
    [
        {"train": 0.7, "val": 0.1, "test": 0.2},
        {"test": 0.25, "train": 0.75},
        {"val": 0.125, "train": 0.0, "test": 0.875},
        {"train": 1.0},
    ],
)
def test_a_unit_lies_where_its_hash_falls_among_the_shares_in_their_order(shares: dict[str, float]) -> None:
    bounds = list(accumulate(shares.values()))
    for number in range(200):
        digest = hashlib.sha256(f"salt/unit-{number}".encode()).hexdigest()
        share = int(digest[:16], 16) / 16**16
        wanted = next(name for name, bound in zip(shares, bounds, strict=True) if share < bound)
        assert split_of(f"unit-{number}", salt="salt", shares=shares) == wanted


def test_seven_tenths_train_one_validates_and_two_test_where_nothing_is_said() -> None:
    assert dict(SHARES) == {"train": 0.7, "val": 0.1, "test": 0.2}
    for number in range(100):
        assert split_of(str(number), salt="a") == split_of(str(number), salt="a", shares=SHARES)


def test_a_unit_exactly_at_a_bound_lies_in_the_split_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "models_registry.evaluate.leak_free_splits.hashlib.sha256",
        lambda _: SimpleNamespace(digest=lambda: b"\x80" + bytes(31)),
    )
    assert split_of("a", salt="", shares={"train": 0.5, "val": 0.25, "test": 0.25}) == "val"


@pytest.mark.parametrize("total", [1 + 1.5e-9, 1 - 1.5e-9])
def test_shares_that_miss_one_by_more_than_a_billionth_are_refused(total: float) -> None:
    with pytest.raises(ValueError, match="add to 1"):
        split_of("a", salt="", shares={"train": total / 2, "test": total / 2})


def joined_by_loops(count: int, is_joined: np.ndarray) -> np.ndarray:
    """Who belongs together [count, count] where pairs are joined, and what is joined to one is to all."""
    together = is_joined | is_joined.T | np.eye(count, dtype=bool)
    for middle in range(count):
        together |= together[:, middle, None] & together[middle, None, :]
    return together


def bits_apart(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def hashes_near_each_other(seed: int, near: int, count: int) -> list[int]:
    """Chains of hashes, each up to a bit too far from the one before, and pictures without any contrast."""
    rng = np.random.default_rng(seed)
    hashes = [int(rng.integers(1, 2**63))]
    while len(hashes) < count:
        flipped = rng.choice(64, int(rng.integers(0, near + 2)), replace=False).tolist()
        start = hashes[int(rng.integers(len(hashes)))] or 1
        hashes.append(
            [start ^ sum(1 << bit for bit in flipped), int(rng.integers(1, 2**63)), 0][
                int(rng.choice(3, p=[0.7, 0.2, 0.1]))
            ]
        )
    return hashes


@pytest.mark.parametrize("near", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(4))
def test_clusters_of_any_nearness_are_those_of_comparing_all_pairs(near: int, seed: int) -> None:
    hashes = hashes_near_each_other(seed, near, 40)
    found = near_duplicates(np.array(hashes, dtype=np.uint64), near=near)
    is_near = np.array([[one != 0 != other and bits_apart(one, other) <= near for other in hashes] for one in hashes])
    assert ((found[:, None] == found[None, :]) == joined_by_loops(40, is_near)).all()


def test_three_bits_are_near_where_nothing_is_said() -> None:
    hashes = np.array(hashes_near_each_other(9, 3, 60), dtype=np.uint64)
    assert np.array_equal(near_duplicates(hashes), near_duplicates(hashes, near=3))
    assert not np.array_equal(near_duplicates(hashes), near_duplicates(hashes, near=4))
    keys, products = [str(number) for number in range(60)], [None] * 60
    assert split_units(products, keys, hashes) == split_units(products, keys, hashes, near=3)


def test_no_pictures_are_in_no_cluster() -> None:
    assert near_duplicates(np.zeros(0, dtype=np.uint64)).tolist() == []
    assert near_duplicates(np.array([7], dtype=np.uint64)).shape == (1,)


@pytest.mark.parametrize("near", [0, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_units_are_joined_by_products_and_by_pictures_as_loops_join_them(near: int, seed: int) -> None:
    """A unit is named by the smallest name in it, and two items bear one name where they belong together."""
    rng = np.random.default_rng(seed)
    hashes = hashes_near_each_other(seed, near, 30)
    products = [None if number > 13 else f"p{number}" for number in rng.integers(0, 20, 30)]
    keys = [f"key-{number}" for number in rng.permutation(30)]
    names = [f"product/{product}" if product else f"item/{key}" for product, key in zip(products, keys, strict=True)]
    is_joined = np.array(
        [
            [
                names[one] == names[other]
                or (hashes[one] != 0 != hashes[other] and bits_apart(hashes[one], hashes[other]) <= near)
                for other in range(30)
            ]
            for one in range(30)
        ]
    )
    together = joined_by_loops(30, is_joined)
    wanted = [min(names[other] for other in np.flatnonzero(row).tolist()) for row in together]
    assert split_units(products, keys, np.array(hashes, dtype=np.uint64), near=near) == wanted
    assert split_units(products, keys) == names


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shares", [{"train": 0.7, "val": 0.1, "test": 0.2}, {"train": 0.4, "val": 0.35, "test": 0.25}])
def test_whole_groups_go_to_test_then_to_validation_in_the_order_of_their_hashes(
    seed: int, shares: dict[str, float]
) -> None:
    rng = np.random.default_rng(seed)
    group_count = int(rng.integers(3, 14))
    numbers = [*range(group_count), *rng.integers(0, group_count, 10 * seed).tolist()]
    names = [f"group-{number}" for number in rng.permutation(numbers).tolist()]
    sizes = Counter(names)
    order = sorted(sizes, key=lambda name: hashlib.sha256(f"salt/{name}".encode()).hexdigest())
    wanted: dict[str, str] = dict.fromkeys(order, "train")
    for split, kept_back in (("test", 2), ("val", 1)):
        left = [name for name in order if wanted[name] == "train"]
        filled = list(accumulate(sizes[name] for name in left))
        enough = next(place for place, items in enumerate(filled) if items >= shares[split] * len(names)) + 1
        wanted |= dict.fromkeys(left[: min(enough, len(left) - kept_back)], split)
    assert split_whole_groups([*names, None, ""], salt="salt", shares=shares) == [*map(wanted.get, names), None, None]


def test_groups_of_one_item_each_fill_every_split() -> None:
    """A share of less than one item is one item; three groups are the fewest, one for each split."""
    for count in (3, 4, 5):
        found = split_whole_groups([str(number) for number in range(count)], salt="a")
        assert Counter(found) == {"test": 1, "val": 1, "train": count - 2}


def test_the_split_of_whole_groups_is_fixed_for_ever() -> None:
    """Golden: whoever changes these moves test items into training on every machine."""
    found = split_whole_groups([f"group-{number}" for number in range(8)], salt="salt")
    assert found == ["train", "train", "test", "train", "test", "train", "val", "train"]
    assert found != split_whole_groups([f"group-{number}" for number in range(8)], salt="pepper")


@pytest.mark.parametrize("sizes", list(permutations((1, 2, 97))))
def test_three_groups_are_one_for_each_split_however_small_the_first_of_them_are(sizes: tuple[int, ...]) -> None:
    """One or two items are no fifth of a hundred, but whoever took another group would leave nothing to train on."""
    names = [name for name, size in zip("abc", sizes, strict=True) for _ in range(size)]
    found = dict(zip(names, split_whole_groups(names, salt="salt"), strict=True))
    assert {*found.values()} == {"train", "val", "test"}
