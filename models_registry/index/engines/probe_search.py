"""How many lists of an engine must be visited for a recall, measured on rows that its lists were not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_registry.index.exact_ranking import HiddenRows, measure_candidates
from models_registry.neighbours import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from models_registry.index.exact_ranking import Ranking
    from models_registry.metrics import Metric
    from models_registry.store import Vectors

    Propose = Callable[[NDArray[np.float32], int], NDArray[np.int64]]

TRIES = 200
DEPTH = 10


def recall_per_query(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per query [Q] the share of its true nearest that were found, both distances [Q, k], nearest first.

    By distance and not by row: of rows that are equally far, any is right.
    """
    has_answer = np.isfinite(true)
    within = np.where(has_answer, found, np.inf) <= np.nanmax(
        np.where(has_answer, true, -np.inf), axis=1, keepdims=True
    )
    return np.asarray(within.sum(axis=1) / np.maximum(has_answer.sum(axis=1), 1))


def steps_up_to(most: int) -> list[int]:
    """Numbers of lists worth trying: 1, 2, 3, 4, 6, 8, 12, 16 … and the most."""
    doubled = (2**power for power in range(most.bit_length()))
    return sorted({step for one in doubled for step in (one, one * 3 // 2) if step <= most} | {most})


class RecallTrial:
    """Rows asked for their own neighbours, each without itself, with the true answers beside."""

    def __init__(self, metric: Metric, vectors: Vectors, positions: NDArray[np.int64]) -> None:
        self.metric = metric
        self._vectors = vectors
        self._queries = vectors.take(positions)
        self._numbers = np.arange(len(vectors), dtype=np.int64)
        self._hidden = HiddenRows([(positions, self._numbers)])
        self._depth = min(DEPTH, len(vectors) - 1)
        self._true = nearest(
            vectors.select(positions),
            vectors,
            metric=metric,
            k=self._depth,
            query_ids=positions,
            gallery_ids=self._numbers,
        ).distances

    def measure_recalls(self, propose: Propose) -> NDArray[np.float64]:
        """The recall of each row asked, of the candidates that `propose(queries, count of answers)` gives."""
        ranked: Ranking = measure_candidates(
            self.metric,
            self._queries,
            propose(self._queries, self._depth + 1),
            self._vectors,
            self._hidden,
            self._numbers,
            self._depth,
        )
        return recall_per_query(ranked.distances, self._true)


def least_step(steps: Sequence[int], needed_recall: float, recalls_with: Callable[[int], NDArray[np.float64]]) -> int:
    """The first of ascending `steps` whose recall is surely enough: its mean less two standard errors; else the last.

    `recalls_with(step)` gives the recall of each query. More work never finds less, so halving the steps is enough.
    """
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        recalls = recalls_with(steps[middle])
        sure = recalls.mean() - 2 * recalls.std() / np.sqrt(len(recalls))
        low, high = (low, middle) if sure >= needed_recall else (middle + 1, high)
    return steps[low]
