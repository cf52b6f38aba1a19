"""A second look: a gallery that grew by 1 %, against searching all of it again; and the tree that others use.

    python tests/benchmarks/bench_scale.py [--quick]

Neighbours of 1,000 queries in 20,000 x 4,096 vectors (1,000 x 256 with --quick) are known; 1 % of the gallery is new.
The ball tree is scikit-learn's, on 512 dimensions, its building not counted; ours searches without any index.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from models_registry.metrics import METRICS, Metric  # noqa: E402 - the repository is on the path only now
from models_registry.neighbours import nearest, refresh_neighbours  # noqa: E402
from models_registry.store import TapStore, Vectors, key_for_item  # noqa: E402
from tests.benchmarks.harness import Row, at_least, at_most, print_table, timed_in_turns  # noqa: E402

K = 10
SHARD = 256


def stored(folder: Path, vectors: np.ndarray) -> Vectors:
    """The vectors as a study finds them: in shards, with their packed bits."""
    store, keys = TapStore(folder), [key_for_item(str(number)) for number in range(len(vectors))]
    for start in range(0, len(vectors), SHARD):
        store.write(keys[start : start + SHARD], vectors[start : start + SHARD])
    return store.reader(keys)


def growing(metric: Metric, gallery: Vectors, queries: int, repeats: int) -> Row:
    """Adding the last hundredth of the vectors to known answers, over searching all of them."""
    ids = np.arange(len(gallery))
    old = len(gallery) - len(gallery) // 100
    asked = gallery.select(ids[:queries])
    known = nearest(
        asked, gallery.select(ids[:old]), metric=metric, k=K, query_ids=ids[:queries], gallery_ids=ids[:old]
    )
    rules = {"metric": metric, "k": K, "query_ids": ids[:queries], "gallery_ids": ids}
    stale = np.zeros(queries, dtype=np.bool_)
    again, whole = timed_in_turns(
        [
            partial(refresh_neighbours, known, stale, ids[old:], asked, gallery, **rules),
            partial(nearest, asked, gallery, **rules),
        ],
        repeats,
    )
    return at_most(f"{metric}: 1 % more, over searching all", again, whole, "s", 0.05)


def over_ball_tree(count: int, queries: int, repeats: int) -> Row:
    from sklearn.neighbors import BallTree

    rng = np.random.default_rng(2)
    vectors = np.maximum(rng.standard_normal((count, 512), dtype=np.float32), 0)
    tree, ids = BallTree(vectors), np.arange(count)
    gallery = Vectors.from_array(vectors)
    ours, theirs = timed_in_turns(
        [
            lambda: nearest(
                gallery.select(ids[:queries]), gallery, metric="l2", k=K, query_ids=ids[:queries], gallery_ids=ids
            ),
            lambda: tree.query(vectors[:queries], k=K),
        ],
        repeats,
    )
    return at_least("ball tree, 512 dimensions: queries a second", queries / ours, queries / theirs, "1/s", 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    count, dim, queries = (2_000, 256, 200) if asked.quick else (20_000, 4_096, 1_000)
    rng = np.random.default_rng(0)
    vectors = np.maximum(rng.standard_normal((count, dim), dtype=np.float32), 0)
    with tempfile.TemporaryDirectory() as folder:
        gallery = stored(Path(folder), vectors)
        del vectors
        rows = [growing(metric, gallery, queries, asked.repeats) for metric in METRICS]
        del gallery
    rows.append(over_ball_tree(count, queries, asked.repeats))
    print_table(f"A second look: {count:,} vectors, {queries:,} queries, k = {K}", rows)


if __name__ == "__main__":
    main()
