"""A catalogue of 100,000 pictures imported, embedded and paired on this machine: seconds, peak memory, disk.

    python -m tests.proofs.large_catalogue [--items 100000] [--folder build/large]

Pictures are drawn small, all different. Everything runs as a person would run it: commands, an embedded database and a
worker process of its own. The folder is deleted.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from evalapp.core.services.embedded.postgres import EmbeddedPostgres
from tests.journeys.installation import Installation

REPOSITORY = Path(__file__).resolve().parents[2]
SIZE = (48, 64)
CATEGORIES = ("dress", "shirt", "hat", "shoe", "bag", "coat", "skirt", "sock")
CONTENDERS = ("tiny.fc6:l2", "tiny.fc6:hamming", "colours:l1")
WORDS = [word for contender in CONTENDERS for word in ("--contender", contender)]


@dataclass
class Ledger:
    """What each step took."""

    lines: list[tuple[str, float, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block, and watch the largest of the processes that it starts."""
        ended = threading.Event()
        peak = [0]
        watcher = threading.Thread(target=_watch, args=(ended, peak))
        watcher.start()
        begin = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - begin
            ended.set()
            watcher.join()
        self.lines.append((name, seconds, peak[0] / 1e6))
        print(f"{name:28} {seconds:8.0f} s  {peak[0] / 1e6:8.0f} MB in the largest process", flush=True)


def _watch(ended: threading.Event, peak: list[int]) -> None:
    while not ended.wait(0.2):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                peak[0] = max(peak[0], process.memory_info().rss)


def main() -> None:
    parser = argparse.ArgumentParser(description="A large catalogue from pictures to pairs.")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "build" / "large")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    try:
        prove(asked.folder, asked.items, asked.queries)
    finally:
        # Its guardian stops it as well, a moment after its last user has gone.
        EmbeddedPostgres(asked.folder / "var").stop()
        shutil.rmtree(asked.folder, ignore_errors=True)


def prove(folder: Path, items: int, queries: int) -> None:
    ledger, installation = Ledger(), Installation(folder / "var")
    with ledger.step(f"drawing {items:,} pictures"):
        table = draw(folder / "pictures", items)
    with ledger.step("migrate"):
        installation.run("migrate", "--verbosity", "0")
    with ledger.step("import_catalogue"):
        installation.run("import_catalogue", "large", str(table))
    installation.run("register_model", "tiny-vgg", "--name", "tiny")
    installation.run("register_model", "colour-histogram", "--name", "colours")
    with ledger.step("create_study"):
        sizes = ["--gallery", str(items), "--queries", str(queries)]
        installation.run("create_study", "large", "--catalogue", "large", *WORDS, *sizes)
    with ledger.step("precompute --wait"):
        installation.run("precompute", "large", "--wait")
    for name, seconds, pieces in stages(installation):
        print(f"  {name:26} {seconds:8.0f} s  {pieces:8,} chunks")
    for name in ("media", "embeddings", "postgres"):
        print(f"{name:28} {_bytes(installation.var / name) / 1e6:8.0f} MB on disk")


def draw(folder: Path, items: int) -> Path:
    """JPEGs of soft blots, with a table that says what they are; two pictures of every product."""
    folder.mkdir()
    random = np.random.default_rng(1)
    with (folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "category", "product"])
        for number in range(items):
            coarse = Image.fromarray(random.integers(0, 256, (4, 3, 3), dtype=np.uint8))
            coarse.resize(SIZE, Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=85)
            rows.writerow([f"{number}.jpg", CATEGORIES[number % len(CATEGORIES)], f"product-{number // 2}"])
    return folder / "items.csv"


def stages(installation: Installation) -> Iterator[tuple[str, float, int]]:
    """Each stage of the job with its seconds and chunks."""
    program = (
        "import json; from django.db.models import Count, Max, Min; from evalapp.core.models import Chunk;"
        "stages = Chunk.objects.values('stage').annotate(begun=Min('begun_at'), ended=Max('ended_at'), n=Count('pk'));"
        "print(json.dumps([(one['stage'], (one['ended'] - one['begun']).total_seconds(), one['n'])"
        " for one in stages.order_by('begun')]))"
    )
    yield from (tuple(line) for line in json.loads(installation.run("shell", "-v", "0", "-c", program).stdout))


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
