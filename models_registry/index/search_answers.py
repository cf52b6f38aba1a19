"""What an index answers, and answers made fit to be shown: one per product, and not all alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_registry.metrics import exact_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.metrics import Metric


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The nearest items of each query, nearest first.

    `ids` [Q, k] are the items' own numbers and `slots` [Q, k] their places in the index that answered, both -1 behind
    the last; `distances` [Q, k] are the metric's canonical values, NaN there. `exact` says that every allowed row was
    compared.
    """

    ids: NDArray[np.int64]
    slots: NDArray[np.int64]
    distances: NDArray[np.float64]
    exact: bool

    def __len__(self) -> int:
        return len(self.ids)

    def first_answers(self, k: int) -> Answers:
        """The first k of each query."""
        return Answers(self.ids[:, :k], self.slots[:, :k], self.distances[:, :k], self.exact)


def one_per_group(answers: Answers, groups: NDArray[np.int64], k: int) -> Answers:
    """The nearest of each group, at most k groups a query; rows of no group (-1) stand for themselves.

    `groups` [slots] are the group numbers of the index's rows.
    """
    columns = np.full((len(answers), k), -1, dtype=np.int64)
    for query, slots in enumerate(answers.slots):
        filled = np.flatnonzero(slots >= 0)
        group = groups[slots[filled]]
        group = np.where(group < 0, -2 - slots[filled], group)
        first = np.sort(np.unique(group, return_index=True)[1])[:k]
        columns[query, : len(first)] = filled[first]
    return pick_columns(answers, columns)


def pick_columns(answers: Answers, columns: NDArray[np.int64]) -> Answers:
    """The answers at these columns [Q, m] of each query, -1 for none."""
    rows, is_empty = np.maximum(columns, 0), columns < 0
    return Answers(
        np.where(is_empty, -1, np.take_along_axis(answers.ids, rows, axis=1)),
        np.where(is_empty, -1, np.take_along_axis(answers.slots, rows, axis=1)),
        np.where(is_empty, np.nan, np.take_along_axis(answers.distances, rows, axis=1)),
        answers.exact,
    )


def diverse_order(
    distances: NDArray[np.float64], vectors: NDArray[np.float32], metric: Metric, count: int, diversity: float
) -> NDArray[np.int64]:
    """Which of m answers to show, in this order: near the question, but not one like the other.

    `distances` [m] are those to the question, nearest first, `vectors` [m, d] the answers' own. Each next one is that
    of the highest `diversity` x (distance to the nearest one chosen) - (1 - `diversity`) x (distance to the question):
    maximal marginal relevance (Carbonell and Goldstein, 1998) in distances. 0 leaves the order alone; the first answer
    always is the nearest. Raises ValueError for a diversity beyond 0 … 1.
    """
    if not 0 <= diversity <= 1:
        raise ValueError(f"Diversity lies in 0 … 1, not {diversity:g}.")
    count = min(count, len(distances))
    if diversity == 0 or count <= 1:
        return np.arange(count, dtype=np.int64)
    chosen = [0]
    distance_to_chosen = exact_distances(metric, vectors[0], vectors)
    while len(chosen) < count:
        worth = diversity * distance_to_chosen - (1 - diversity) * distances
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
        distance_to_chosen = np.minimum(distance_to_chosen, exact_distances(metric, vectors[chosen[-1]], vectors))
    return np.array(chosen, dtype=np.int64)


def liked_vector(
    likes: NDArray[np.float32], unlikes: NDArray[np.float32] | None = None, *, against: float = 0.25
) -> NDArray[np.float32]:
    """The question [d] that likes [n, d] and unlikes [m, d] ask: their mean, minus a part of the others' (Rocchio)."""
    if not len(likes):
        raise ValueError("Name at least one item that is liked.")
    mean: NDArray[np.float32] = likes.mean(axis=0, dtype=np.float64).astype(np.float32)
    if unlikes is not None and len(unlikes):
        mean = mean - np.float32(against) * unlikes.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean
