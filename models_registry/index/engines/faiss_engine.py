"""Lists of codes by faiss: RaBitQ (a bit per component) or SQ8 (a byte), in memory, proposed and measured elsewhere.

Jianyang Gao and Cheng Long, RaBitQ (SIGMOD 2024). Only lists that are not visited cost recall: how many are visited is
therefore found out when an index is built, and never a constant.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.index.engines.engine_base import Engine
from models_registry.index.engines.probe_search import TRIES, RecallTrial, least_step, steps_up_to
from models_registry.index.index_errors import BrokenGeneration
from models_registry.index.vector_spaces import blocks_in_space, in_space

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.index.engines.engine_base import AllowedRows, EngineSettings
    from models_registry.index.vector_spaces import Space
    from models_registry.metrics import Metric
    from models_registry.store import Vectors

MOST_LISTS = 65_536
_ROWS_IN_LIST = 1_500
_TRAINED_PER_LIST = 64
_TRAINED_AT_LEAST = 16_384
_ROUNDS = 10
_SPARE = 0.25  # of what may be missed: photographs that are asked lie a little farther away than the rows tried
_BLOCK = 32  # codes that FastScan looks at together


class FaissEngine(Engine):
    """An inverted file. `probes` says per metric how many of its lists are visited at effort 1."""

    name = "faiss"

    def __init__(self, space: Space, index: Any, probes: Mapping[Metric, int], size: int) -> None:
        super().__init__(space, int(index.ntotal), int(index.d))
        self.probes = dict(probes)
        self._index = index
        self._size = size

    @property
    def lists(self) -> int:
        return int(self._index.nlist)

    @classmethod
    def build(
        cls, settings: EngineSettings, space: Space, metrics: tuple[Metric, ...], vectors: Vectors
    ) -> FaissEngine:
        chance = np.random.default_rng(settings.seed)
        order = chance.permutation(len(vectors)).astype(np.int64)
        trial_rows, training_rows = np.sort(order[:TRIES]), order[TRIES:] if len(order) > 2 * TRIES else order
        index = _train_index(settings, space, vectors, training_rows)
        for _, block in blocks_in_space(space, vectors):
            index.add(block)
        engine = cls(space, index, dict.fromkeys(metrics, int(index.nlist)), _written_size(index))
        if len(vectors) > 1:
            for metric in metrics:
                engine.probes[metric] = engine.needed_probes(settings, RecallTrial(metric, vectors, trial_rows))
        return engine

    def needed_probes(self, settings: EngineSettings, trial: RecallTrial) -> int:
        """How many lists must be visited for the recall that is asked for."""

        def recalls_with(probes: int) -> NDArray[np.float64]:
            return trial.measure_recalls(lambda queries, _: self._search_lists(queries, settings.rerank, probes, None))

        needed_recall = settings.recall + _SPARE * (1 - settings.recall)
        return least_step(steps_up_to(self.lists), needed_recall, recalls_with)

    @classmethod
    def open(
        cls, settings: EngineSettings, space: Space, folder: Path, facts: Mapping[str, Any], vectors: Vectors
    ) -> FaissEngine:
        import faiss

        path = folder / facts["file"]
        try:
            owner = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except (RuntimeError, MemoryError) as error:
            raise BrokenGeneration(f"{path} cannot be read by faiss; build the index anew.") from error
        return cls(space, _Owned(owner), facts["probes"], path.stat().st_size)

    def save(self, folder: Path) -> dict[str, Any]:
        import faiss

        file = f"{self.space}.faiss"
        faiss.write_index(self._plain_index, str(folder / file))
        return {"file": file, "probes": self.probes, "lists": self.lists}

    def propose_rows(
        self,
        queries: NDArray[np.float32],
        count: int,
        *,
        metric: Metric,
        allowed: AllowedRows | None = None,
        effort: float = 1.0,
    ) -> NDArray[np.int64]:
        probes = self.lists if math.isinf(effort) else math.ceil(self.probes[metric] * effort)
        return self._search_lists(queries, count, min(self.lists, probes), allowed)

    @property
    def memory_bytes(self) -> int:
        return self._size

    @classmethod
    def library_version(cls) -> str:
        import faiss

        return f"faiss {faiss.__version__}"

    @property
    def _plain_index(self) -> Any:
        return self._index.index if isinstance(self._index, _Owned) else self._index

    def _search_lists(
        self, queries: NDArray[np.float32], count: int, probes: int, allowed: AllowedRows | None
    ) -> NDArray[np.int64]:
        faiss = _untyped_faiss()
        selector = None if allowed is None else faiss.IDSelectorBitmap(allowed.packed_bits)
        parameters = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
        rows = np.ascontiguousarray(in_space(self.space, queries))
        positions: NDArray[np.int64] = self._plain_index.search(rows, count, params=parameters)[1]
        return positions


class _Owned:
    """An index as its own class, beside the object that frees it: faiss's downcast does not keep that alive."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.index = _untyped_faiss().downcast_index(owner)
        self.ntotal, self.d, self.nlist = self.index.ntotal, self.index.d, self.index.nlist


def list_count(rows: int, codec: str = "sq8") -> int:
    """Lists for so many rows, a power of two: 3.2 roots of them, or a list per 1,500 rows for `rabitq`.

    A list of bit codes costs as much to begin as a thousand rows cost to scan (tables of the query's distances are made
    anew for each), and long lists lose fewer neighbours: at the same recall 64 lists are twice as fast as 512.
    """
    lists = rows / _ROWS_IN_LIST if codec == "rabitq" else 3.2 * math.sqrt(rows)
    return min(MOST_LISTS, 2 ** max(0, round(math.log2(lists)))) if rows > _TRAINED_PER_LIST else 1


def _untyped_faiss() -> Any:
    """The library, whose types say less than it can do."""
    import faiss

    return faiss


def _train_index(settings: EngineSettings, space: Space, vectors: Vectors, order: NDArray[np.int64]) -> Any:
    faiss = _untyped_faiss()
    lists = list_count(len(vectors), settings.codec)
    coarse = faiss.IndexFlatL2(vectors.dim)
    if settings.codec == "sq8":
        kind = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(coarse, vectors.dim, lists, kind, faiss.METRIC_L2)
    else:
        index = faiss.IndexIVFRaBitQFastScan(coarse, vectors.dim, lists, faiss.METRIC_L2, _BLOCK)
    index.cp.niter, index.cp.seed = _ROUNDS, settings.seed + 1
    index.cp.max_points_per_centroid = _TRAINED_AT_LEAST
    index.cp.min_points_per_centroid = 1  # a small gallery needs no warning on standard error
    sampled_rows = np.sort(order[: max(_TRAINED_AT_LEAST, _TRAINED_PER_LIST * lists)])
    rows = (
        in_space(space, vectors.take(sampled_rows))
        if len(sampled_rows)
        else np.zeros((1, vectors.dim), dtype=np.float32)
    )
    index.train(np.ascontiguousarray(rows))
    return index


def _written_size(index: Any) -> int:
    """Bytes of the file that the index would be, counted and not kept."""
    total = 0

    def count_block(block: bytes) -> int:
        nonlocal total
        total += len(block)
        return len(block)

    faiss = _untyped_faiss()
    faiss.write_index(index, faiss.PyCallbackIOWriter(count_block))
    return total
