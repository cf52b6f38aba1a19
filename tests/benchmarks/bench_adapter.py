"""Learning from votes: the recipe `adapter` on 10,000 votes and 1,280 dimensions, folds included, against one fit."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models_registry.spec import EncoderSpec, Tap
from models_registry.store import Vectors
from models_registry.training.votes.block_pca import basis_of
from models_registry.training.votes.map_fitting import fit_map
from models_registry.training.votes.recipes.adapter import RECIPE
from models_registry.training.votes.vote_configs import AdapterConfig
from models_registry.training.votes.vote_data import Ballots, Span, VoteData
from tests.benchmarks.harness import Row, print_table

ITEMS, VOTES, DIM, VOTERS = 4_000, 10_000, 1_280, 200


def _data() -> VoteData:
    """Items of ten categories in a space of falling variance; people like pairs that are near in some directions."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(10, size=ITEMS)
    spread = 1 / np.sqrt(1 + np.arange(DIM) / 20)
    vectors = ((rng.normal(size=(10, DIM))[kinds] + rng.normal(size=(ITEMS, DIM))) * spread).astype(np.float32)
    query, candidate = rng.integers(ITEMS, size=(2, VOTES))
    candidate = np.where(query == candidate, (candidate + 1) % ITEMS, candidate)
    near = np.einsum("ij,ij->i", vectors[query, :16], vectors[candidate, :16])
    like = rng.random(VOTES) < 1 / (1 + np.exp(-near / near.std()))
    return VoteData(
        name="bench", keys=[f"{row}" for row in range(ITEMS)], sha256s=[f"{row:064x}" for row in range(ITEMS)],
        categories=[f"{kind}" for kind in kinds.tolist()], products=[None] * ITEMS, pictures=[],
        base=EncoderSpec("onnx", 1, "onnx:bench", (Tap("embedding", DIM),), None, "0" * 64), base_tap="embedding",
        base_weights=None, vectors=Vectors.from_array(vectors), spans=[Span("all", 0, DIM)],
        ballots=Ballots(query, candidate, rng.integers(VOTERS, size=VOTES), like, np.ones(VOTES)),
        voters=[f"{voter}" for voter in range(VOTERS)], salt="bench",
    )  # fmt: skip


def main() -> None:
    """Print one table."""
    data = _data()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = RECIPE.run(data, AdapterConfig(), Path(folder), on_progress=lambda _: None, resume=False)
    whole = time.perf_counter() - begun
    basis = basis_of(data.base_matrix(), data.spans, directions=128)
    rows, pairs = basis.rows_of_vectors(data.base_matrix()), data.ballots.summed_pairs()
    begun = time.perf_counter()
    fit_map(rows, basis.block_of, pairs, "full", 0.1)
    once = time.perf_counter() - begun
    tried = len(outcome.metrics["folds"])
    name = f"adapter, {VOTES:,} votes x {DIM:,}, {tried} maps by 4 folds"
    print_table(
        "Learning from votes",
        [Row(name, whole, once, "s", whole / once, "at most 60 s on 2 cores", whole <= 60)],
    )


if __name__ == "__main__":
    main()
