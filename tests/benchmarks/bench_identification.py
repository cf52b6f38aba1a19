"""Guesses of what a photograph shows: how often they are right, and how far their confidence is from that.

- *Groceries, shop*: 53 product pictures answer, 1,000 photographs from shops ask, as an index with a gallery rule does.
- *Groceries*, *clothes*: photographs answer, 2,000 of them ask and do not answer themselves.

The calibration error is the product's own: each product's questions by fits on others, on average over five splits. It
is measured on four draws of the questions, for with 53 products much is chance; the table has the worst of the four.

Run: python tests/benchmarks/bench_identification.py [--quick] [--keep]
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from models_registry import registry  # noqa: E402 - the repository is on the path only now
from models_registry.embed import Picture, embed  # noqa: E402
from models_registry.encoders.encoder_base import Encoder  # noqa: E402
from models_registry.identification import KnownQuestions, calibrate_gallery  # noqa: E402
from models_registry.index import EngineSettings, IndexBase, VectorIndex, build_engines  # noqa: E402
from models_registry.store import Vectors  # noqa: E402
from tests.benchmarks.bench_embedding import MOBILENET_OPTIONS, SHARED  # noqa: E402
from tests.benchmarks.harness import Row, at_most, keep, print_table  # noqa: E402

DRAWS, TARGET = 4, 0.05
Table = list[dict[str, str]]


def embedded(name: str, every: int) -> tuple[Table, NDArray[np.float32]]:
    """Every so-manieth photograph of a set and the vectors [n, d]."""
    table = SHARED / "data" / name / "items.csv"
    with table.open(newline="", encoding="utf-8") as lines:
        rows = [
            row
            for number, row in enumerate(csv.DictReader(lines))
            if row.get("domain") == "shop" or number % every == 0
        ]
    options = {**MOBILENET_OPTIONS, "resize": "squash", "interpolation": "bilinear"}
    source = f"onnx:{SHARED / 'models' / 'mobilenet_v2_100_224.onnx'}"
    encoder = registry.load(registry.describe(source, options=options), device="cpu")
    assert isinstance(encoder, Encoder)
    pictures = [Picture(row["image"], table.parent / row["image"]) for row in rows]
    return rows, np.concatenate([batch.vectors["embedding"] for batch in embed(encoder, pictures, taps=["embedding"])])


def measured(
    name: str, rows: Table, vectors: NDArray[np.float32], gallery: Sequence[int], asked: Sequence[int], most: int
) -> list[Row]:
    """A line per label: the calibration error, and how often guesses are right."""
    place = {row: at for at, row in enumerate(gallery)}
    labels = {level: [rows[row].get(level) or None for row in gallery] for level in ("product", "category")}
    shown = Vectors.from_array(vectors[list(gallery)])
    ids = np.arange(len(gallery), dtype=np.int64)
    engines = build_engines(EngineSettings.parse("exact"), ["cosine"], shown)
    index = VectorIndex.from_base(IndexBase(ids, shown, engines, 100), labels=labels, threads=1)
    found: dict[str, list[tuple[float, float]]] = {}
    for draw in range(DRAWS):
        some = np.sort(np.random.default_rng(draw).permutation(list(asked))[:most]).tolist()
        questions = KnownQuestions(
            vectors[some],
            np.array([place.get(row, -1) for row in some], dtype=np.int64),
            [rows[row].get("product") or None for row in some],
            [rows[row].get("category") or None for row in some],
        )
        for level, fitted in calibrate_gallery(index, "cosine", questions).items():
            found.setdefault(level, []).append((fitted.error, fitted.right))
    lines = []
    for name_of, each in found.items():
        worst, right = max(error for error, _ in each), float(np.mean([share for _, share in each]))
        lines.append(
            at_most(f"{name}, {name_of}: calibration error in hundredths, over 5", 100 * worst, 100 * TARGET, "", 1.0)
        )
        lines.append(Row(f"{name}, {name_of}: guessed right", right, 1, "share", right))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every fifth photograph")
    parser.add_argument("--keep", action="store_true", help="for the table in the documentation")
    asked = parser.parse_args()
    every = 5 if asked.quick else 1
    rows, vectors = embedded("grocery", every)
    shop, street = ([n for n, row in enumerate(rows) if row["domain"] == where] for where in ("shop", "street"))
    lines = measured("53 product pictures of groceries", rows, vectors, shop, street, 1_000)
    lines += measured("photographs of groceries", rows, vectors, street, street, 2_000)
    rows, vectors = embedded("clothing", every)
    everything = range(len(rows))
    lines += measured("photographs of clothes", rows, vectors, everything, everything, 2_000)
    title = f"Guesses of product and category, MobileNet v2, the worst of {DRAWS} draws"
    print_table(title, lines)
    if asked.keep:
        keep("search-identification", title, lines)


if __name__ == "__main__":
    main()
