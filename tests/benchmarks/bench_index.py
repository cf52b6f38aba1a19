"""Indexes of 100,000 x 1,280: recall, questions per CPU second over exact, memory, filters; on two grown sets.

    python tests/benchmarks/bench_index.py [--quick] [--keep] [--engine faiss:rabitq ...]

The vectors are those of a real network over real photographs, which lie in DON_SHARED, grown in two ways. *Families*:
each new vector mixes a real one with one of its 20 nearest and is displaced as a crop, a mirror and another brightness
displaced some real photograph's. *Flat*: it mixes three of 300 neighbours, so that no families are left. Photographs
that are not in the gallery ask: cropped, mirrored and made brighter or darker.

The bare call is faiss's flat index in memory, asked one question at a time. All on one thread, in CPU time.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from models_registry.index import EngineReport, evaluate_index  # noqa: E402 - the repository is on the path only now
from models_registry.neighbours.search_threads import limited_threads  # noqa: E402
from models_registry.store import Vectors  # noqa: E402
from tests.benchmarks.harness import Row, at_least, at_most, keep, print_table  # noqa: E402

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SHARED = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
QUERIES = 200
BARE_QUERIES = 30


@dataclass(frozen=True, slots=True)
class GrownSet:
    gallery: Floats
    queries: Floats


def real_vectors() -> tuple[Floats, Floats]:
    """Vectors [n, 1280] of the photographs, and of the same photographs cropped, mirrored and in another light."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    network = str(SHARED / "models" / "mobilenet_v2_100_224.onnx")
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    folder = SHARED / "data" / "clothing"
    with (folder / "items.csv").open() as file:
        pictures = [Image.open(folder / row["image"]).convert("RGB") for row in csv.DictReader(file)]
    chance = np.random.default_rng(0)

    def vectors(images: list[Image.Image]) -> Floats:
        found = []
        for start in range(0, len(images), 8):
            sized = [image.resize((224, 224), Image.Resampling.BILINEAR) for image in images[start : start + 8]]
            batch = np.stack([np.asarray(image, np.float32).transpose(2, 0, 1) / 127.5 - 1 for image in sized])
            found.append(session.run(["embedding"], {"pixel_values": batch})[0])
        return np.concatenate(found)

    return vectors(pictures), vectors([treated(picture, chance) for picture in pictures])


def treated(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    share = chance.uniform(0.75, 0.95)
    width, height = int(picture.width * share), int(picture.height * share)
    left, top = (
        int(chance.integers(whole - part + 1)) for whole, part in zip(picture.size, (width, height), strict=True)
    )
    mirrored = ImageOps.mirror(picture.crop((left, top, left + width, top + height)))
    return ImageEnhance.Brightness(mirrored).enhance(chance.uniform(0.8, 1.2))


def grown(real: Floats, moved: Floats, rows: int, *, flat: bool) -> GrownSet:
    """A gallery of `rows`, the real vectors first, and questions that are not in it."""
    chance = np.random.default_rng(1)
    units = unit(real)
    near = np.argsort(-(units @ units.T), axis=1)[:, 1:301]
    count = rows - len(real)
    of, displaced = chance.integers(0, len(real), (2, count))
    if flat:
        weights = chance.dirichlet([1, 1, 1], count).astype(np.float32)
        picks = [real[near[of, chance.integers(0, 300, count)]] for _ in range(3)]
        new = sum(weights[:, at : at + 1] * pick for at, pick in enumerate(picks))
        strength = chance.uniform(0.7, 1.2, (count, 1)).astype(np.float32)
    else:
        weight = chance.uniform(0.5, 1, (count, 1)).astype(np.float32)
        new = weight * real[of] + (1 - weight) * real[near[of, chance.integers(0, 20, count)]]
        strength = np.ones((count, 1), np.float32)
    new += strength * (moved - real)[displaced]
    gallery = np.concatenate([real, np.clip(new, 0, 6)])
    asked = chance.choice(len(moved), QUERIES, replace=False)
    return GrownSet(gallery, moved[asked])


def unit(rows: Floats) -> Floats:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def bare_rate(grown_set: GrownSet) -> float:
    """Questions per CPU second of the flat index, one at a time."""
    import faiss

    with limited_threads(1):
        index = faiss.IndexFlatIP(grown_set.gallery.shape[1])
        index.add(unit(grown_set.gallery))
        queries = unit(grown_set.queries)[:BARE_QUERIES]
        begun = time.process_time()
        for query in queries:
            index.search(query[None], 10)
        return len(queries) / (time.process_time() - begun)


def rows_of(report: EngineReport, bare: float, *, full: bool) -> list[Row]:
    title = f"{report.engine}, {report.metric}"
    rate = report.queries_per_cpu_second
    wanted = 0.98 if report.metric == "cosine" else 0.97
    held = 4 * report.rows * report.dim / 2**20
    rows = [at_least(f"{title}: recall at 10", report.recall, 1, "share", wanted)]
    if report.metric == "cosine":
        rows += [
            at_least(f"{title}: questions over exact", rate, bare, "per CPU s", 10 if full else 0),
            at_most(f"{title}: memory over float32", report.memory_bytes / 2**20, held, "MiB", 0.1 if full else 1),
            Row(f"{title}: batched over exact", report.batched, bare, "per CPU s", report.batched / bare),
            Row(f"{title}: CPU time of building", report.build_cpu_seconds, 1, "s", report.build_cpu_seconds),
        ]
    else:
        rows.append(
            Row(f"{title}: questions over own exact", rate, rate / report.over_exact, "per CPU s", report.over_exact)
        )
    for found in report.filters:
        name = f"{title}, {100 * found.share:g} % allowed"
        rows.append(at_least(f"{name}: recall at 10", found.recall, 1, "share", 0.98))
        speed = found.queries_per_cpu_second
        rows.append(at_least(f"{name}: questions over a full scan", speed, bare, "per CPU s", 5 if full else 0))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Indexes over exact search.")
    parser.add_argument("--quick", action="store_true", help="20,000 vectors, no targets of speed")
    parser.add_argument("--engine", nargs="+", default=["faiss:rabitq"])
    parser.add_argument("--keep", action="store_true", help="for the table in the documentation")
    parser.add_argument("--set", nargs="+", choices=["families", "flat"], default=["families", "flat"])
    asked = parser.parse_args()
    if not (SHARED / "models").is_dir():
        sys.exit("Point DON_SHARED to the folder with data/clothing and models/ to run this.")
    real, moved = real_vectors()
    rows = 20_000 if asked.quick else 100_000
    for kind in asked.set:
        grown_set = grown(real, moved, rows, flat=kind == "flat")
        bare = bare_rate(grown_set)
        vectors = Vectors.from_array(grown_set.gallery)
        table: list[Row] = []
        for metrics, shares in ((["cosine"], (0.26, 0.1, 0.01, 0.001)), (["l2", "l1", "hamming"], ())):
            found = evaluate_index(
                vectors, metrics=metrics, engines=asked.engine, queries=grown_set.queries, shares=shares
            )
            table += [row for report in found.reports for row in rows_of(report, bare, full=not asked.quick)]
        title = f"Index of {rows:,} × {vectors.dim:,}, {kind}, {QUERIES} questions, k = 10"
        print_table(title, table)
        if asked.keep:
            keep(f"search-index-{kind}", title, table)


if __name__ == "__main__":
    main()
