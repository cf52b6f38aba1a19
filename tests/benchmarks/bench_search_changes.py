"""What a search process does with changes: rows without new pixels, new pictures, and a fifth of the index by delta.

- *Rows changed without new pixels*: 20,000 items get other labels; the process reads and applies them. Rows per second
  of its own processor time (the database's is apart, and so is that of whoever changed them).
- *Insertion*: photographs come in, and the process makes their vectors beside its looks at the rows, over embedding the
  same photographs bare. One thread each.
- *Churn*: a fifth of 100,000 grown vectors goes and as many others come, through the delta; recall of the ten nearest
  before and after, each against everything that is there then.

Run: python tests/benchmarks/bench_search_changes.py [--quick] [--keep] [--part rows|insertion|churn ...]
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")
# An installation of its own: database, pictures, vectors and indexes.
VAR = tempfile.TemporaryDirectory(prefix="don-changes-")
os.environ["VAR_DIR"] = VAR.name

import django  # noqa: E402 - the repository is on the path only now

django.setup()

import numpy as np  # noqa: E402 - only after setup
from django.core.management import call_command  # noqa: E402

from evalapp.catalog.domain.originals import store_original  # noqa: E402
from evalapp.catalog.services.items import ItemDraft, upsert_items  # noqa: E402
from evalapp.contenders.services.registration import register_model  # noqa: E402
from evalapp.core.pipeline.chunk_work import work_on  # noqa: E402
from evalapp.search.models import SearchIndex  # noqa: E402
from evalapp.search.pipeline.search_service.served_indexes import ServedIndexes  # noqa: E402
from evalapp.search.services.search_indexes import IndexPlan, create_index, request_build  # noqa: E402
from models_registry import registry  # noqa: E402
from models_registry.embed import Picture, embed  # noqa: E402
from models_registry.index import EngineSettings, IndexBase, VectorIndex, build_engines  # noqa: E402
from models_registry.index.engines.probe_search import recall_per_query  # noqa: E402
from models_registry.neighbours import nearest  # noqa: E402
from models_registry.neighbours.search_threads import limited_threads  # noqa: E402
from models_registry.store import Vectors  # noqa: E402
from tests.benchmarks.bench_embedding import MOBILENET_OPTIONS, SHARED  # noqa: E402
from tests.benchmarks.bench_index import grown, real_vectors  # noqa: E402
from tests.benchmarks.harness import Row, at_least, at_most, keep, print_table  # noqa: E402

PARTS = ("rows", "insertion", "churn")
BATCH = 1_000


def photographs(count: int) -> list[Path]:
    folder = SHARED / "data" / "clothing"
    with (folder / "items.csv").open() as file:
        return [folder / row["image"] for row in csv.DictReader(file)][:count]


def built(slug: str, encoder: str, engine: str = "exact") -> SearchIndex:
    index = create_index(IndexPlan(slug=slug, catalogue=slug, encoder=encoder, engine=engine))
    job = request_build(index)
    while work_on(job.pk):
        pass
    index.refresh_from_db()
    if index.serving is None:
        raise SystemExit(f"{slug} could not be built")
    return index


def rows_changed(items: int) -> list[Row]:
    """Items that share 500 photographs: their vectors are no work, and their rows as many as are asked for."""
    pictures = [store_original(path.read_bytes()) for path in photographs(500)]

    def drafts(start: int, category: str) -> list[ItemDraft]:
        return [
            ItemDraft(
                key=f"{n:06d}", path="x", picture=pictures[n % len(pictures)], category=category, product=str(n // 4),
                domain="shop", attributes={"colour": f"{category}-{n % 7}"},
            )
            for n in range(start, start + BATCH)
        ]  # fmt: skip

    for start in range(0, items, BATCH):
        upsert_items("many", drafts(start, "dress"))
    register_model(source="colour-histogram", name="colours", options={})
    built("many", "colours")
    served = ServedIndexes()
    served.look_at_rows()
    costs, clock = [], []
    for number in range(3):
        for start in range(0, items, BATCH):
            upsert_items("many", drafts(start, f"category-{number}"))
        begun, cpu = time.perf_counter(), time.process_time()
        served.look_at_rows()
        costs.append(time.process_time() - cpu)
        clock.append(time.perf_counter() - begun)
    rate = items / statistics.median(costs)
    return [
        at_least(f"rows changed without new pixels, {items:,} at once, over 5,000", rate, 5_000, "per CPU s", 1.0),
        Row("the same by the clock", items / statistics.median(clock), 1, "per s", items / statistics.median(clock)),
    ]


def insertion(count: int) -> list[Row]:
    """In turns: the process catches up with photographs that came in; the same photographs embedded bare."""
    network = str(SHARED / "models" / "mobilenet_v2_100_224.onnx")
    options = {**MOBILENET_OPTIONS, "resize": "squash", "interpolation": "bilinear"}
    register_model(source=f"onnx:{network}", name="mv2", options=options)
    encoder = registry.load(registry.describe(f"onnx:{network}", options=options), device="cpu")
    paths = photographs(100 + 3 * count)

    def drafts(some: list[Path]) -> list[ItemDraft]:
        return [ItemDraft(key=path.name, path="x", picture=store_original(path.read_bytes())) for path in some]

    upsert_items("fresh", drafts(paths[:100]))
    built("fresh", "mv2")
    served = ServedIndexes()
    served.look_at_rows()
    times: list[tuple[float, float, float, float]] = []
    for turn in range(3):
        some = paths[100 + turn * count : 100 + (turn + 1) * count]
        upsert_items("fresh", drafts(some))
        ours = _timed(lambda: _follow(served))
        if len(served._served["fresh"].snapshot) != 100 + (turn + 1) * count:
            raise SystemExit("not every photograph is in the index")
        pictures = [Picture(path.name, path) for path in some]
        times.append((*ours, *_timed(lambda: list(embed(encoder, pictures, taps=["embedding"], decoders=1)))))  # noqa: B023
    clock, cpu, bare_clock, bare_cpu = (count / statistics.median(column) for column in zip(*times, strict=True))
    return [
        at_least("insertion over bare embedding, by the clock", clock, bare_clock, "pictures/s", 0.85),
        Row("the same by the processor time of the process", cpu, bare_cpu, "pictures per CPU s", cpu / bare_cpu),
    ]


def _follow(served: ServedIndexes) -> None:
    while served.look_at_rows():
        pass


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processor time."""
    begun, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - cpu


def churn(rows: int, engine: str) -> list[Row]:
    """Base of all but a fifth; then a fifth of those leaves and the rest comes."""
    found = []
    real, moved = real_vectors()
    for kind in ("families", "flat"):
        one = grown(real, moved, rows + rows // 5, flat=kind == "flat")
        order = np.random.default_rng(3).permutation(len(one.gallery)).astype(np.int64)
        base_ids, new_ids = np.sort(order[:rows]), order[rows:]
        gone = np.random.default_rng(4).permutation(base_ids)[: rows // 5]
        vectors = Vectors.from_array(one.gallery[base_ids])
        with limited_threads(1):
            engines = build_engines(EngineSettings.parse(engine), ["cosine"], vectors)
            before = VectorIndex.from_base(IndexBase(base_ids, vectors, engines, 100), threads=1)
            after = before.without_rows(gone)
            for start in range(0, len(new_ids), BATCH):
                some = new_ids[start : start + BATCH]
                after = after.with_rows(some, one.gallery[some])
            reached = [_recall(index, one.gallery, one.queries) for index in (before, after)]
        lost = reached[0] - reached[1]
        found.append(at_most(f"{kind}: recall lost by 20 % churn, in hundredths", 100 * lost, 1, "", 1.0))
        found.append(
            Row(f"{kind}: recall after it, over before", reached[1], reached[0], "share", reached[1] / reached[0])
        )
    return found


def _recall(index: VectorIndex, everything: np.ndarray, queries: np.ndarray) -> float:
    there = np.sort(index.ids[index.live])
    truth = nearest(
        Vectors.from_array(queries),
        Vectors.from_array(everything[there]),
        metric="cosine",
        k=10,
        # Questions are none of the rows.
        query_ids=-1 - np.arange(len(queries)),
        gallery_ids=there,
        threads=1,
    )
    found = np.concatenate([index.search(query, metric="cosine", k=10).distances for query in queries])
    return float(recall_per_query(found, truth.distances).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--keep", action="store_true", help="for the table in the documentation")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    scale = 10 if asked.quick else 1
    works = {
        "rows": ("Changes that a search process follows", lambda: rows_changed(20_000 // scale)),
        "insertion": ("Photographs that come in, MobileNet v2", lambda: insertion(320 // scale)),
        "churn": (
            f"A fifth of {100_000 // scale:,} × 1,280 changed through the delta",
            lambda: churn(100_000 // scale, "faiss:rabitq"),
        ),
    }
    for part in asked.part:
        title, work = works[part]
        rows = work()
        print_table(title, rows)
        if asked.keep:
            keep(f"search-changes-{part}", title, rows)


if __name__ == "__main__":
    main()
