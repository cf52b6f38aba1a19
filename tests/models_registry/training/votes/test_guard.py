"""The guard of an unattended loop: an encoder that has lost what categories look like is not let in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models_registry.store import Vectors
from models_registry.training.votes.vote_data import VoteData
from models_registry.training.votes.vote_report import Answering, vote_report
from models_registry.training.votes.vote_splits import split_votes
from tests.models_registry.training.votes.crowd import votes_of, world


def shot(times: int) -> tuple[VoteData, np.ndarray]:
    """The small world, every item photographed so many times, and its vectors."""
    data = votes_of(world())
    rng = np.random.default_rng(4)
    matrix = np.repeat(data.base_matrix(), times, axis=0)
    matrix = (matrix + 0.01 * rng.standard_normal(matrix.shape)).astype(np.float32)
    count = len(matrix)
    ballots = data.ballots
    several = replace(
        data,
        keys=[f"item-{row // times:04d}-{row % times}" for row in range(count)],
        sha256s=[f"{row:064x}" for row in range(count)],
        categories=[data.categories[row // times] for row in range(count)],
        products=[f"product-{row // times}" for row in range(count)],
        vectors=Vectors.from_array(matrix),
        ballots=replace(ballots, query=ballots.query * times, candidate=ballots.candidate * times),
    )
    return several, matrix


def of_products_alone(matrix: np.ndarray, times: int) -> np.ndarray:
    """Vectors that know a product from another and nothing else."""
    rng = np.random.default_rng(9)
    drawn = np.repeat(rng.standard_normal((len(matrix) // times, 32)), times, axis=0)
    return (drawn + 0.01 * rng.standard_normal(drawn.shape)).astype(np.float32)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_child_that_knows_nothing_of_categories_falls_however_often_products_are_shot(times: int) -> None:
    data, matrix = shot(times)
    child = Answering("child", of_products_alone(matrix, times), "cosine")
    parent = Answering("parent", matrix, "cosine")

    told = vote_report(data, split_votes(data, matrix), child, [parent])

    assert not told["guard_holds"]
    assert told["guard"]["category_match"]["value"] < -0.3


def test_the_parent_itself_holds_and_its_products_are_still_found() -> None:
    data, matrix = shot(2)
    parent = Answering("parent", matrix, "cosine")

    told = vote_report(data, split_votes(data, matrix), parent, [parent])

    assert told["guard_holds"]
    assert told["guard"]["category_match"]["value"] == 0.0
    assert [line["product_recall_at_1"]["value"] for line in told["lines"]] == [1.0, 1.0]
