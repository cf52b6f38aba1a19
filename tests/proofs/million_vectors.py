"""A million vectors of 4,096 components, 16 GB on disk, searched by a process that may allocate little.

    python -m tests.proofs.million_vectors [--vectors 1000000] [--queries 1000] [--metric l2] [--folder build/million]

The vectors are written as workers write them, in shards of 256. A process opens them, looks up how much address space
it has with all of them mapped, forbids itself to take more than `--allowed` MiB beyond that, and searches. Some answers
are then compared with a float64 walk over the files that shares no code with the search. The files are deleted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models_registry.metrics import METRICS, Metric
from models_registry.store import TapStore, key_for_item

REPOSITORY = Path(__file__).resolve().parents[2]
SHARD = 256
K = 10
CHECKED = 2
MIB = 1 << 20

SEARCH = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from models_registry.neighbours import nearest
from models_registry.store import TapStore, Vectors, key_for_item

path, metric, vectors, asked, k, allowed = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])

def status(name):
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith(name + ":"))

begin = time.perf_counter()
store, ids = TapStore(path), np.arange(vectors)
gallery = store.reader([key_for_item(str(number)) for number in range(vectors)])
queries = gallery.select(ids[:asked])
opened = time.perf_counter() - begin
# Libraries take what they need for themselves, the compiler of l1 included.
few = Vectors.from_array(np.random.default_rng(0).random((2300, gallery.dim), dtype=np.float32))
nearest(few, few, metric=metric, k=1, query_ids=ids[:2300], gallery_ids=ids[:2300])
del few
held = status("VmRSS")
limit = status("VmSize") + allowed
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
begin = time.perf_counter()
found = nearest(queries, gallery, metric=metric, k=k, query_ids=ids[:asked], gallery_ids=ids)
print(json.dumps({
    "opened": opened, "seconds": time.perf_counter() - begin, "held": held, "mapped": limit - allowed,
    "peak": status("VmHWM"), "indices": found.indices[:2].tolist(), "distances": found.distances[:2].tolist(),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Search a million vectors in bounded memory.")
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=4096)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--metric", choices=METRICS, default="l2")
    parser.add_argument("--allowed", type=int, default=512, help="MiB of address space beyond the mapped files")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "build" / "million")
    asked = parser.parse_args()
    needed = asked.vectors * asked.dim * 4.3
    asked.folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(asked.folder).free < needed:
        sys.exit(f"{asked.folder} has no room for {needed / 1e9:.0f} GB; choose another --folder.")
    try:
        prove(asked.folder / "tap", asked.vectors, asked.dim, asked.queries, asked.metric, asked.allowed)
    finally:
        shutil.rmtree(asked.folder)


def prove(folder: Path, vectors: int, dim: int, queries: int, metric: Metric, allowed: int) -> None:
    begin = time.perf_counter()
    write(folder, vectors, dim)
    store = TapStore(folder)
    print(f"written: {store.count:,} x {dim:,} in {time.perf_counter() - begin:,.0f} s, {store.size / 1e9:.1f} GB")
    words = [str(folder), metric, *map(str, (vectors, queries, K, allowed * MIB))]
    done = subprocess.run([sys.executable, "-c", SEARCH, *words], cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"The search failed:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    print(
        f"opened: {found['opened']:.1f} s, {found['mapped'] / 1e9:.1f} GB of addresses, {found['held'] / MIB:,.0f} MiB"
    )
    print(f"searched: {queries:,} queries by {metric} in {found['seconds']:,.0f} s, {allowed} MiB allowed beyond that")
    print(f"peak of the process: {found['peak'] / MIB:,.0f} MiB")
    for query, (rows, distances) in enumerate(walked(folder, metric, CHECKED)):
        assert found["indices"][query] == rows.tolist(), f"query {query} has other neighbours"
        assert np.allclose(found["distances"][query], distances, rtol=1e-12), f"query {query} has other distances"
    print(f"{CHECKED} queries compared with a float64 walk: the same")


def write(folder: Path, vectors: int, dim: int) -> None:
    store = TapStore(folder)
    for start in range(0, vectors, SHARD):
        stop = min(start + SHARD, vectors)
        rows = np.random.default_rng(start).standard_normal((stop - start, dim), dtype=np.float32)
        store.write([key_for_item(str(number)) for number in range(start, stop)], rows)


def walked(folder: Path, metric: Metric, queries: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Row numbers and distances of the K nearest of the first few rows, read straight from the files in their order."""
    shards = [np.load(path / "vectors.npy", mmap_mode="r") for path in sorted(folder.iterdir())]
    for query in range(queries):
        asked = shards[0][query].astype(np.float64)
        distances = np.concatenate([_plainly(metric, asked, shard.astype(np.float64)) for shard in shards])
        distances[query] = np.inf
        nearest = np.argsort(distances, kind="stable")[:K]
        yield nearest, distances[nearest]


def _plainly(metric: Metric, query: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    if metric == "l1":
        return np.asarray(np.abs(rows - query).sum(axis=1))
    if metric == "hamming":
        return np.asarray(((rows > 0) != (query > 0)).sum(axis=1), dtype=np.float64)
    if metric == "cosine":
        return np.asarray(1 - rows @ query / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query)))
    return np.asarray(np.linalg.norm(rows - query, axis=1))


if __name__ == "__main__":
    main()
