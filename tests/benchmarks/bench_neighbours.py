"""Neighbours over the best bare call there is, per metric: time in turns, and peak memory.

    python tests/benchmarks/bench_neighbours.py [--quick] [--metric l2 ...] [--queries 1000]

20,000 x 4,096 float32 as behind a ReLU (about half zeros), all of them as queries, k = 10. For l1 1,000 of them ask:
its time goes with their number on both sides, and the bare call would take a quarter of an hour. Ours reads the vectors
from memory-mapped shards, leaves out the query itself, decides in float64 and orders ties. The bare calls get arrays
that lie ready in memory: faiss.knn with BLAS for l2; for cosine the same inner products after scaling to length 1;
faiss.knn for l1; faiss.knn_hamming on packed bits. `--peers` adds cosine on vectors that were scaled beforehand and,
on a hundred queries of l1, torch.cdist and scipy's cdist. The gallery is written as shards of 4,096 vectors.

Equal rows: 20,000 x 512 of which all are one vector, half are, or each of 400 comes 50 times; 500 queries draw lots
among those that lie equally far. The bare call is the same search of as many vectors that all differ.

Peak memory is VmHWM of a process of its own that opens the store and searches. It counts the interpreter and the
libraries, and every mapped page of the shards that was touched, although the system can take those back at will.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from models_registry.metrics import METRICS, Metric, sign_bits  # noqa: E402 - the repository is on the path only now
from models_registry.neighbours import Neighbours, nearest  # noqa: E402
from models_registry.store import TapStore, Vectors, key_for_item  # noqa: E402
from tests.benchmarks.harness import Row, at_most, print_table, timed_in_turns  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SHARD = 4096
K = 10
FEW = 1000


@dataclass(frozen=True, slots=True)
class Size:
    vectors: int
    dim: int
    queries: int


def few(size: Size) -> Size:
    """The same gallery with no more than FEW queries."""
    return replace(size, queries=min(size.queries, FEW))


def relu_like(size: Size) -> NDArray[np.float32]:
    """Clustered vectors of which about half the components are zero."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((200, size.dim), dtype=np.float32)
    vectors = rng.standard_normal((size.vectors, size.dim), dtype=np.float32)
    vectors += centres[rng.integers(0, len(centres), size.vectors)]
    return np.maximum(vectors, 0, out=vectors)


def query_positions(size: Size) -> NDArray[np.int64]:
    return np.random.default_rng(1).choice(size.vectors, size.queries, replace=False)


def keys(positions: NDArray[np.int64]) -> list[bytes]:
    return [key_for_item(str(position)) for position in positions.tolist()]


def written(folder: Path, vectors: NDArray[np.float32]) -> TapStore:
    store = TapStore(folder)
    for start in range(0, len(vectors), SHARD):
        block = vectors[start : start + SHARD]
        store.write(keys(np.arange(start, start + len(block))), block)
    return store


def opened(folder: Path, size: Size) -> tuple[Vectors, Vectors]:
    store = TapStore(folder)
    return store.reader(keys(query_positions(size))), store.reader(keys(np.arange(size.vectors)))


def ours(queries: Vectors, gallery: Vectors, size: Size, metric: Metric) -> Neighbours:
    return nearest(
        queries,
        gallery,
        metric=metric,
        k=K,
        query_ids=query_positions(size),
        gallery_ids=np.arange(size.vectors),
    )


def scaled(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    import faiss

    units = vectors.copy()
    faiss.normalize_L2(units)
    return units


def bare_cosine(queries: NDArray[np.float32], vectors: NDArray[np.float32]) -> object:
    """There is no bare call for cosine: vectors must be brought to length 1 first."""
    import faiss

    return faiss.knn(scaled(queries), scaled(vectors), K, metric=faiss.METRIC_INNER_PRODUCT)


def bare_calls(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> dict[Metric, Callable[[], object]]:
    import faiss

    return {
        "l1": partial(faiss.knn, queries, vectors, K, metric=faiss.METRIC_L1),
        "l2": partial(faiss.knn, queries, vectors, K),
        "cosine": partial(bare_cosine, queries, vectors),
        "hamming": partial(faiss.knn_hamming, sign_bits(queries), sign_bits(vectors), K),
    }


def times(folder: Path, vectors: NDArray[np.float32], size: Size, metrics: list[Metric], repeats: int) -> list[Row]:
    rows = []
    for metric in metrics:
        asked = few(size) if metric == "l1" else size
        queries, gallery = opened(folder, asked)
        bare = bare_calls(vectors, vectors[query_positions(asked)])[metric]
        seconds = timed_in_turns([partial(ours, queries, gallery, asked, metric), bare], repeats)
        name = f"{metric}, {asked.queries:,} queries: time over the bare call"
        rows.append(at_most(name, seconds[0], seconds[1], "s", 0.5 if metric == "l1" else 1.1))
    return rows


def cosine_without_scaling(folder: Path, vectors: NDArray[np.float32], size: Size, repeats: int) -> Row:
    """Over the inner products alone, as if the vectors had been stored at length 1; no target."""
    import faiss

    queries, gallery = opened(folder, size)
    units = scaled(vectors)
    bare = partial(faiss.knn, units[query_positions(size)], units, K, metric=faiss.METRIC_INNER_PRODUCT)
    mine, theirs = timed_in_turns([partial(ours, queries, gallery, size, "cosine"), bare], repeats)
    return Row("cosine: over inner products of vectors scaled beforehand", mine, theirs, "s", mine / theirs)


def l1_peers(vectors: NDArray[np.float32], size: Size) -> list[Row]:
    """Other bare calls for l1, over faiss.knn, on a hundred queries."""
    import faiss
    import torch
    from scipy.spatial.distance import cdist

    queries = vectors[query_positions(size)][: FEW // 10]
    calls: list[Callable[[], object]] = [
        partial(faiss.knn, queries, vectors, K, metric=faiss.METRIC_L1),
        partial(torch.cdist, torch.from_numpy(queries), torch.from_numpy(vectors), p=1),
        partial(cdist, queries, vectors, "cityblock"),
    ]
    bare, by_torch, by_scipy = timed_in_turns(calls, 1)
    return [
        Row("l1: torch.cdist over faiss.knn", by_torch, bare, "s", by_torch / bare),
        Row("l1: scipy cdist over faiss.knn", by_scipy, bare, "s", by_scipy / bare),
    ]


def equal_rows(metrics: list[Metric], repeats: int) -> list[Row]:
    """Galleries in which vectors come again and again, over one in which all differ."""
    size = Size(20_000, 512, 500)
    vectors, rng = relu_like(size), np.random.default_rng(2)
    half = vectors.copy()
    half[rng.permutation(size.vectors)[: size.vectors // 2]] = vectors[0]
    galleries = {
        "all rows equal": np.repeat(vectors[:1], size.vectors, axis=0),
        "half of the rows equal": half,
        "each row 50 times": vectors[rng.integers(0, size.vectors // 50, size.vectors)],
    }
    rows, asking = [], query_positions(size)
    for metric in metrics:
        for name, gallery in galleries.items():
            calls = [partial(by_lot, Vectors.from_array(some), asking, metric) for some in (gallery, vectors)]
            seconds = timed_in_turns(calls, 2 * repeats)
            told = f"{metric}, {name}: time over different rows"
            rows.append(at_most(told, seconds[0], seconds[1], "s", 2.0))
    return rows


def by_lot(gallery: Vectors, asking: NDArray[np.int64], metric: Metric) -> Neighbours:
    ids = np.arange(len(gallery))
    queries = gallery.select(asking)
    return nearest(queries, gallery, metric=metric, k=K, query_ids=asking, gallery_ids=ids, lots=asking)


def peak_mib(folder: Path, size: Size, metric: Metric) -> float:
    """VmHWM in MiB of a process that opens the store and searches once; a few queries, for blocks of them are alike."""
    sizes = [str(size.vectors), str(size.dim), str(few(size).queries)]
    command = [sys.executable, __file__, "--search-only", str(folder), *sizes, "--metric", metric]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def search_only(folder: Path, size: Size, metric: Metric) -> None:
    ours(*opened(folder, size), size, metric)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(peak.split()[1]) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description="Neighbours over the best bare call.")
    parser.add_argument("--quick", action="store_true", help="5,000 x 1,024 and 300 queries")
    parser.add_argument("--peers", action="store_true", help="other bare calls, too")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--queries", type=int, help="all if left out")
    parser.add_argument("--metric", nargs="+", choices=METRICS, default=list(METRICS))
    parser.add_argument("--search-only", nargs=4, metavar=("FOLDER", "VECTORS", "DIM", "QUERIES"), help="for memory")
    asked = parser.parse_args()
    if asked.search_only:
        folder, *numbers = asked.search_only
        search_only(Path(folder), Size(*map(int, numbers)), asked.metric[0])
        return
    size = Size(5_000, 1_024, 300) if asked.quick else Size(20_000, 4_096, 20_000)
    size = replace(size, queries=asked.queries or size.queries)
    with tempfile.TemporaryDirectory() as folder:
        vectors = relu_like(size)
        written(Path(folder), vectors)
        rows = times(Path(folder), vectors, size, asked.metric, asked.repeats)
        if asked.peers and "cosine" in asked.metric:
            rows.append(cosine_without_scaling(Path(folder), vectors, size, asked.repeats))
        if asked.peers and "l1" in asked.metric:
            rows += l1_peers(vectors, size)
        rows += equal_rows(asked.metric, asked.repeats)
        held = vectors.nbytes / 2**20
        del vectors
        for metric in asked.metric:
            peak = peak_mib(Path(folder), size, metric)
            # Python and the libraries alone are larger than a small gallery: the target is for the full size.
            name = f"{metric}: peak memory over the vectors"
            full = at_most(name, peak, held, "MiB", 1.3)
            rows.append(Row(name, peak, held, "MiB", peak / held) if asked.quick else full)
    print_table(f"Neighbours: {size.vectors:,} x {size.dim:,}, {size.queries:,} queries, k = {K}", rows)


if __name__ == "__main__":
    main()
