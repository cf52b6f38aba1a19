"""Confidences fitted on a gallery come true on products that the gallery had at no time, and on real photographs."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from models_registry import registry
from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.identification import (
    KnownQuestions,
    Level,
    LevelCalibration,
    calibrate_gallery,
    expected_calibration_error,
    identify_photo,
)
from models_registry.index import VectorIndex
from tests.models_registry.index.gallery import index_of

SHARED = Path(os.environ.get("DON_SHARED", Path(__file__).resolve().parents[4] / "shared"))
NETWORK = SHARED / "models" / "mobilenet_v2_100_224.onnx"


def needs_photographs(name: str) -> pytest.MarkDecorator:
    there = (SHARED / "data" / name / "items.csv").is_file() and NETWORK.is_file()
    return pytest.mark.skipif(not there, reason=f"the photographs {name} or their network are missing in {SHARED}")


class Shop:
    """Ninety products of nine kinds, seven pictures each; the last thirty products are not in the gallery."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        kinds = 2.0 * rng.standard_normal((9, 24))
        self.centres = kinds[np.arange(90) % 9] + rng.standard_normal((90, 24))
        self.rng = rng
        self.products = np.repeat(np.arange(60), 7)
        self.vectors = self.pictures(self.products)

    def pictures(self, products: np.ndarray) -> np.ndarray:
        noise = self.rng.standard_normal((len(products), 24)) * self.rng.uniform(0.5, 1.6, (len(products), 1))
        return (self.centres[products] + noise).astype(np.float32)

    def index(self) -> VectorIndex:
        labels = {"product": names(self.products), "category": kinds_of(self.products)}
        return index_of(self.vectors, metrics=["cosine"]).with_labels(np.arange(len(self.products)), labels)

    def questions(self) -> KnownQuestions:
        rows = np.arange(len(self.products))
        return KnownQuestions(self.vectors, rows, names(self.products), kinds_of(self.products))


def names(products: np.ndarray) -> list[str | None]:
    return [f"p{product}" for product in products.tolist()]


def kinds_of(products: np.ndarray) -> list[str | None]:
    return [f"kind{product % 9}" for product in products.tolist()]


def error_on(
    index: VectorIndex, fitted: LevelCalibration, level: Level, asked: np.ndarray, truth: list[str | None]
) -> float:
    guesses = [identify_photo(index, "cosine", vector, {level: fitted})[level] for vector in asked]
    right = np.array([guess.likeliest == own for guess, own in zip(guesses, truth, strict=True)])
    return expected_calibration_error(np.array([guess.confidence for guess in guesses]), right)


def test_confidences_come_true_on_photos_of_products_that_nobody_calibrated_on() -> None:
    shop = Shop()
    index = shop.index()
    levels = calibrate_gallery(index, "cosine", shop.questions())
    assert {level: fitted.error <= 0.05 for level, fitted in levels.items()} == {"product": True, "category": True}
    # New photos: two in three of products that the gallery has, the others of products that it lacks.
    chance = np.random.default_rng(1)
    asked = np.where(chance.random(3000) < 2 / 3, chance.integers(0, 60, 3000), chance.integers(60, 90, 3000))
    truth = [f"p{product}" if product < 60 else None for product in asked.tolist()]
    assert error_on(index, levels["product"], "product", shop.pictures(asked), truth) <= 0.05


def test_what_the_gallery_lacks_is_mostly_none_of_these() -> None:
    shop = Shop()
    index = shop.index()
    levels = calibrate_gallery(index, "cosine", shop.questions())
    none = {}
    for name, products in (("there", np.arange(60)), ("lacking", np.arange(60, 90))):
        guesses = [
            identify_photo(index, "cosine", one, levels)["product"] for one in shop.pictures(np.repeat(products, 5))
        ]
        none[name] = np.mean([guess.value is None for guess in guesses])
        assert all(guess.value in (None, guess.likeliest) for guess in guesses)
    assert none["lacking"] > 0.7 > 0.4 > none["there"]


def test_an_item_never_answers_for_itself() -> None:
    """Seven pictures of noise for each product: whoever sees itself would always be right."""
    rng = np.random.default_rng(0)
    products = np.repeat(np.arange(60), 7)
    noise = rng.standard_normal((420, 24)).astype(np.float32)
    index = index_of(noise, metrics=["cosine"]).with_labels(np.arange(420), {"product": names(products)})
    questions = KnownQuestions(noise, np.arange(420), names(products), [None] * 420)
    fitted = calibrate_gallery(index, "cosine", questions).get("product")
    assert fitted is None or fitted.right < 0.1


def test_too_few_labels_calibrate_nothing() -> None:
    shop = Shop()
    known = shop.questions()
    few = KnownQuestions(known.vectors[:90], known.ids[:90], known.products[:90], [None] * 90)
    assert calibrate_gallery(shop.index(), "cosine", few) == {}
    assert identify_photo(shop.index(), "cosine", shop.vectors[0], {}) == {}


def test_a_calibration_survives_json() -> None:
    shop = Shop()
    for fitted in calibrate_gallery(shop.index(), "cosine", shop.questions()).values():
        assert LevelCalibration.from_json(fitted.to_json()) == fitted


def photographs(name: str, most: int) -> tuple[list[dict[str, str]], np.ndarray]:
    """Every so-manieth photograph of a set, and the vectors [n, d] of a real network."""
    table = SHARED / "data" / name / "items.csv"
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    rows = rows[:: max(1, len(rows) // most)][:most]
    options = {"mean": "0.5", "std": "0.5", "tap": "embedding"}
    encoder = registry.load(registry.describe(f"onnx:{NETWORK}", options=options), device="cpu")
    assert isinstance(encoder, Encoder)
    pictures = [Picture(row["image"], table.parent / row["image"]) for row in rows]
    return rows, np.concatenate([batch.vectors["embedding"] for batch in embed(encoder, pictures, taps=["embedding"])])


@needs_photographs("grocery")
def test_confidences_come_true_on_real_photographs_of_products_unseen_in_calibration() -> None:
    """Groceries: calibrated on the photographs of one half of the products, judged on those of the other half."""
    rows, vectors = photographs("grocery", 1600)
    products, kinds = [row["product"] for row in rows], [row["category"] for row in rows]
    known = {product: number % 2 for number, product in enumerate(sorted(set(products)))}
    here, there = (np.flatnonzero([known[product] == half for product in products]) for half in (0, 1))
    labels = {"product": [products[row] for row in here], "category": [kinds[row] for row in here]}
    index = index_of(vectors[here], metrics=["cosine"]).with_labels(np.arange(len(here)), labels)
    questions = KnownQuestions(vectors[here], np.arange(len(here)), labels["product"], labels["category"])
    levels = calibrate_gallery(index, "cosine", questions)
    assert levels["product"].error <= 0.05

    # The gallery of the other half: its items were never asked, and their products never seen.
    labels = {"product": [products[row] for row in there], "category": [kinds[row] for row in there]}
    other = index_of(vectors[there], metrics=["cosine"]).with_labels(np.arange(len(there)), labels)
    unseen = KnownQuestions(vectors[there], np.arange(len(there)), labels["product"], labels["category"])
    answers = calibrate_gallery(other, "cosine", unseen)
    assert answers["product"].error <= 0.05


@needs_photographs("clothing")
def test_confidences_of_categories_come_true_on_real_photographs() -> None:
    rows, vectors = photographs("clothing", 1600)
    kinds: list[str | None] = [row["category"] for row in rows]
    half = len(rows) // 2
    index = index_of(vectors[:half], metrics=["cosine"]).with_labels(np.arange(half), {"category": kinds[:half]})
    questions = KnownQuestions(vectors[:half], np.arange(half), [None] * half, kinds[:half])
    fitted = calibrate_gallery(index, "cosine", questions)["category"]
    assert fitted.error <= 0.05
    # Photographs that were never asked; of one in ten the gallery has nothing of its kind.
    lacking = {kind: index.without_rows(np.flatnonzero(np.array(kinds[:half]) == kind)) for kind in set(kinds)}
    guesses = [
        identify_photo(lacking[kind] if number % 10 == 0 else index, "cosine", vector, {"category": fitted})["category"]
        for number, (vector, kind) in enumerate(zip(vectors[half:], kinds[half:], strict=True))
    ]
    right = np.array([guess.likeliest == kind for guess, kind in zip(guesses, kinds[half:], strict=True)])
    assert expected_calibration_error(np.array([guess.confidence for guess in guesses]), right) <= 0.06
