"""A small world with a known taste: items in two encoders, of which people go by one only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models_registry.encoders.joint_encoder import side_by_side
from models_registry.spec import EncoderSpec, Tap
from models_registry.store import Vectors
from models_registry.training.votes.vote_data import Ballots, Rival, Span, VoteData

SHAPES, COLOURS = 24, 8


@dataclass(frozen=True)
class World:
    """Items [n] seen by `shapes` and by `colours`, and the probability that a pair is liked [n, n]."""

    shapes: NDArray[np.float32]
    colours: NDArray[np.float32]
    likes: NDArray[np.float64]
    categories: list[str]

    def top(self, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        """The first choice of every item under cosine."""
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = units @ units.T
        np.fill_diagonal(cosines, -2)
        return np.asarray(cosines.argmax(axis=1))

    def approval(self, vectors: NDArray[np.float32], queries: NDArray[np.bool_]) -> float:
        """True approval of the first choices of these queries."""
        rows = np.flatnonzero(queries)
        return float(self.likes[rows, self.top(vectors)[rows]].mean())


def world(items: int = 240, seed: int = 0, taste: str = "colours") -> World:
    """People like pairs that are alike in colours, or toss a coin (`taste` coin)."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(4, size=items)
    shapes = (np.eye(4)[kinds] @ rng.normal(size=(4, SHAPES)) + 0.6 * rng.normal(size=(items, SHAPES))).astype("f4")
    colours = rng.normal(size=(items, COLOURS)).astype("f4")
    units = colours / np.linalg.norm(colours, axis=1, keepdims=True)
    likes = np.where(units @ units.T > 0.75, 0.9, 0.1) if taste == "colours" else np.full((items, items), 0.5)
    return World(shapes, colours, likes, [f"kind-{kind}" for kind in kinds.tolist()])


def votes_of(
    place: World, votes: int = 1500, voters: int = 30, seed: int = 1, picks: NDArray[np.int64] | None = None
) -> VoteData:
    """What a crowd says to the first choices by shape and by colour and to random answers, as recipes take it."""
    rng = np.random.default_rng(seed)
    items = len(place.shapes)
    choices = np.column_stack([place.top(place.shapes), place.top(place.colours), rng.permutation(items)])
    query = rng.integers(items, size=votes)
    candidate = choices[query, rng.integers(3, size=votes)]
    other = query != candidate
    query, candidate = query[other], candidate[other]
    like = rng.random(len(query)) < place.likes[query, candidate]
    ballots = Ballots(query, candidate, rng.integers(voters, size=len(query)), like, np.ones(len(query)))
    joint = side_by_side([place.shapes, place.colours])
    return VoteData(
        name="world",
        keys=[f"item-{row:04d}" for row in range(items)],
        sha256s=[f"{row:064x}" for row in range(items)],
        categories=place.categories,
        products=[None] * items,
        pictures=[],
        base=EncoderSpec("joint", 1, "joint:world", (Tap("embedding", SHAPES + COLOURS),), None, "0" * 64),
        base_tap="embedding",
        base_weights=None,
        vectors=Vectors.from_array(joint),
        spans=[Span("shapes", 0, SHAPES), Span("colours", SHAPES, SHAPES + COLOURS)],
        ballots=ballots,
        voters=[f"voter-{number}" for number in range(voters)],
        salt="salt",
        rivals=[Rival("shapes:cosine", "cosine", Vectors.from_array(place.shapes), True)],
    )


def with_ballots(data: VoteData, ballots: Ballots) -> VoteData:
    """The same items with other ballots."""
    return replace(data, ballots=ballots)
