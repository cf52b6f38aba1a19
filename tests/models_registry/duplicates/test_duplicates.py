"""Three levels of sameness, on drawn pictures whose copies are known."""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models_registry.duplicates import (
    DuplicatePair,
    PictureMarks,
    calibrate_duplicates,
    likely_strangers,
    pair_features,
    picture_hash,
    propose_duplicates,
    treated_copies,
)
from models_registry.index import VectorIndex
from tests.models_registry.index.gallery import index_of

COUNT = 60


@lru_cache(maxsize=COUNT)
def drawn(number: int) -> Image.Image:
    """A picture of shapes by chance, equal for equal numbers."""
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (160, 120), tuple(rng.integers(256, size=3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.integers(0, [140, 100])
        size = rng.integers(15, 70, 2)
        pen.ellipse((x, y, x + size[0], y + size[1]), fill=tuple(rng.integers(256, size=3).tolist()))
    return image


def vector(image: Image.Image) -> np.ndarray:
    """What a small network might see: colours of a coarse grid, left and right being one to it."""
    grid = np.asarray(image.resize((6, 6), Image.Resampling.BOX), dtype=np.float32)
    return (grid + grid[:, ::-1]).ravel()


def marks_of(pictures: list[Image.Image], sha256: list[str] | None = None, **other: object) -> PictureMarks:
    return PictureMarks(
        np.arange(len(pictures)),
        sha256 or [str(at) for at in range(len(pictures))],
        np.stack([picture_hash(picture) for picture in pictures]),
        **other,  # type: ignore[arg-type]
    )


def indexed(pictures: list[Image.Image]) -> VectorIndex:
    return index_of(np.stack([vector(picture) for picture in pictures]), metrics=["l2"])


def features(pictures: list[Image.Image], others: list[Image.Image]) -> np.ndarray:
    one, other = marks_of(pictures), marks_of(others)
    apart = np.array([np.linalg.norm(vector(a) - vector(b)) for a, b in zip(pictures, others, strict=True)])
    return pair_features(apart, one.hashes, other.hashes)


@lru_cache(maxsize=1)
def calibration():
    originals = [drawn(at) for at in range(COUNT)]
    pairs = [(picture, copy) for picture in originals[:20] for copy in treated_copies(picture).values()]
    copies = features([picture for picture, _ in pairs], [copy for _, copy in pairs])
    apart = list(itertools.combinations(originals, 2))
    strangers = features([one for one, _ in apart], [other for _, other in apart])
    return calibrate_duplicates(copies, strangers, items=COUNT)


def proposed(pictures: list[Image.Image], marks: PictureMarks, within: float = 0) -> list[DuplicatePair]:
    return list(
        propose_duplicates(indexed(pictures), marks, metric="l2", calibration=calibration(), thing_within=within)
    )


@pytest.mark.parametrize(("treatment", "bits"), [("jpeg", 25), ("half", 20), ("crop", 20), ("mirror", 0)])
def test_a_copy_has_nearly_the_same_hash(treatment: str, bits: int) -> None:
    for number in range(20):
        copy = treated_copies(drawn(number))[treatment]
        assert features([drawn(number)], [copy])[0, 1] * 256 <= bits


def test_strangers_have_hashes_like_tossed_coins() -> None:
    apart = features([drawn(at) for at in range(40)], [drawn(at + 40) for at in range(40)])[:, 1]
    assert 0.3 < apart.mean() < 0.5  # the nearest of ten cuts, hence a little below a half


def test_treated_copies_are_found_as_the_same_picture_and_strangers_are_not() -> None:
    originals = [drawn(at) for at in range(COUNT)]
    copies = [(at, copy) for at in range(20, 40) for copy in treated_copies(drawn(at)).values()]
    pictures = originals + [copy for _, copy in copies]
    found = {(pair.first, pair.second) for pair in proposed(pictures, marks_of(pictures)) if pair.level == "picture"}
    true = {(at, COUNT + place) for place, (at, _) in enumerate(copies)}
    assert len(true & found) >= 0.95 * len(true)
    source = [*range(COUNT), *(at for at, _ in copies)]
    assert sum(source[a] != source[b] for a, b in found) <= 1
    assert calibration().found >= 0.95


def test_the_same_bytes_come_first_each_with_the_first_of_them_and_once() -> None:
    pictures = [drawn(0), drawn(1), drawn(0), drawn(0)]
    found = proposed(pictures, marks_of(pictures, ["a", "b", "a", "a"]))
    assert [(pair.first, pair.second, pair.level) for pair in found] == [(0, 2, "bytes"), (0, 3, "bytes")]


def test_near_vectors_are_things_unless_the_product_is_known_to_be_one() -> None:
    pictures = [drawn(0), drawn(1), drawn(2)]
    found = proposed(pictures, marks_of(pictures), within=1e9)
    assert sorted((pair.first, pair.second) for pair in found) == [(0, 1), (0, 2), (1, 2)]
    assert {pair.level for pair in found} == {"thing"}
    assert all(pair.score == -pair.distance for pair in found if pair.distance is not None)
    known = marks_of(pictures, products=np.array([7, 7, -1]))
    assert sorted((pair.first, pair.second) for pair in proposed(pictures, known, within=1e9)) == [(0, 2), (1, 2)]


def test_items_that_are_not_in_the_index_take_part_by_their_bytes() -> None:
    marks = marks_of([drawn(0), drawn(1), drawn(1)], ["a", "b", "b"])
    pairs = propose_duplicates(indexed([drawn(0)]), marks, metric="l2", calibration=calibration(), thing_within=1e9)
    assert [(pair.first, pair.second, pair.level) for pair in pairs] == [(1, 2, "bytes")]


def test_calibration_lets_so_many_strangers_through_and_no_more() -> None:
    rng = np.random.default_rng(0)
    copies, strangers = rng.normal(0.1, 0.05, (500, 2)), rng.normal(0.5, 0.1, (20_000, 2))
    for allowed in (0, 1, 10):
        found = calibrate_duplicates(copies, strangers, items=2_000, false_per_thousand=allowed)
        assert np.count_nonzero(found.likeness_scores(strangers) >= found.threshold) == 2 * allowed
        assert found.false_per_thousand == allowed
    with pytest.raises(ValueError, match="pairs of copies"):
        calibrate_duplicates(copies[:0], strangers, items=10)


def _features(count: int, distance: float, bits: float) -> np.ndarray:
    chance = np.random.default_rng(count)
    return np.abs(chance.normal([distance, bits], [distance / 2, bits / 8], (count, 2)))


def test_a_catalogue_full_of_doubles_does_not_teach_that_they_are_strangers() -> None:
    copies, pairs, of = _features(400, 0.07, 0.1), _features(5_000, 0.4, 0.4), np.repeat(np.arange(1_000), 5)
    pairs[::25] = _features(200, 0.07, 0.1)
    unknown = np.zeros(5_000, dtype=np.bool_)
    kept = likely_strangers(copies, pairs, of, unknown)
    assert calibrate_duplicates(copies, pairs, items=1_000).found < 0.5
    assert calibrate_duplicates(copies, pairs[kept], items=1_000).found >= 0.95
    assert np.count_nonzero(~kept[::25]) >= 190
    assert kept.sum() >= 4_790


def test_look_alikes_of_other_products_and_in_series_stay_strangers() -> None:
    copies, pairs, of = _features(400, 0.07, 0.1), _features(5_000, 0.4, 0.4), np.repeat(np.arange(1_000), 5)
    pairs[:100] = _features(100, 0.07, 0.1)
    known = np.zeros(5_000, dtype=np.bool_)
    assert likely_strangers(copies, pairs, of, known)[:100].mean() >= 0.9
    pairs[50:100] = _features(50, 0.4, 0.4)
    pairs[::500] = _features(10, 0.07, 0.1)
    known[::500] = True
    assert likely_strangers(copies, pairs, of, known)[::500].all()
