"""An existing Milvus cluster as engine, by pymilvus, which is optional: for who has outgrown one machine.

Like every engine it only proposes: distances are measured here, from the vectors of the store.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.index.engines.engine_base import Engine
from models_registry.index.engines.faiss_engine import list_count
from models_registry.index.engines.probe_search import RecallTrial, least_step, steps_up_to
from models_registry.index.index_errors import BrokenGeneration, EngineMissing
from models_registry.index.vector_spaces import blocks_in_space, in_space

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.index.engines.engine_base import AllowedRows, EngineSettings
    from models_registry.index.vector_spaces import Space
    from models_registry.metrics import Metric
    from models_registry.store import Vectors

MOST_ANSWERS = 16_384
MOST_NAMED = 10_000
_INSERTED_AT_ONCE = 16 << 20  # bytes: a server refuses messages of more than 64 MiB
_TIMEOUT_S = 10.0
_TRIES = 50  # each is a question over the network
_INDEX_TYPES = {"sq8": "IVF_SQ8", "flat": "IVF_FLAT"}


class MilvusEngine(Engine):
    """A collection of positions and vectors. `probes` says per metric how many lists are visited at effort 1."""

    name = "milvus"

    def __init__(self, settings: EngineSettings, space: Space, collection: str, rows: int, dim: int) -> None:
        super().__init__(space, rows, dim)
        self.probes: dict[Metric, int] = {}
        self.lists = list_count(rows)
        self._url = settings.url
        self._client = _connect_client(settings)
        self._collection = collection

    @classmethod
    def build(
        cls, settings: EngineSettings, space: Space, metrics: tuple[Metric, ...], vectors: Vectors
    ) -> MilvusEngine:
        name = f"don_{space}_{secrets.token_hex(8)}"
        engine = cls(settings, space, name, len(vectors), vectors.dim)
        try:
            engine._fill_collection(settings, vectors)
            engine.probes = dict.fromkeys(metrics, engine.lists)
            if len(vectors) > 1:
                order = np.random.default_rng(settings.seed).permutation(len(vectors)).astype(np.int64)
                for metric in metrics:
                    trial = RecallTrial(metric, vectors, np.sort(order[:_TRIES]))
                    engine.probes[metric] = engine._needed_probes(settings, trial)
        except Exception:
            engine.remove()  # nobody would know its name
            raise
        return engine

    @classmethod
    def open(
        cls, settings: EngineSettings, space: Space, folder: Path, facts: Mapping[str, Any], vectors: Vectors
    ) -> MilvusEngine:
        name = str(facts["collection"])
        engine = cls(settings, space, name, len(vectors), vectors.dim)
        if not engine._client.has_collection(name):
            raise BrokenGeneration(f"{settings.url} has no collection {name} any more; build the index anew.")
        engine._client.load_collection(name)
        row_count = int(engine._client.query(name, filter="id >= 0", output_fields=["count(*)"])[0]["count(*)"])
        if row_count != len(vectors):
            raise BrokenGeneration(
                f"The collection {name} holds {row_count:,} rows, not {len(vectors):,}; build the index anew."
            )
        engine.probes = dict(facts["probes"])
        return engine

    def save(self, folder: Path) -> dict[str, Any]:
        return {"collection": self._collection, "probes": self.probes, "lists": self.lists}

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
        return self._search_collection(queries, count, min(self.lists, probes), allowed)

    @property
    def memory_bytes(self) -> int:
        """None of this process's: the server holds them."""
        return 0

    @classmethod
    def library_version(cls) -> str:
        """Empty: the server keeps its files itself and reads them after an upgrade."""
        return ""

    def remove(self) -> None:
        self._client.drop_collection(self._collection)

    def _fill_collection(self, settings: EngineSettings, vectors: Vectors) -> None:
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.dim)
        index_params = self._client.prepare_index_params()
        kind = _INDEX_TYPES[settings.codec]
        index_params.add_index("vector", index_type=kind, metric_type="L2", params={"nlist": self.lists})
        self._client.create_collection(self._collection, schema=schema, index_params=index_params)
        step = max(1, _INSERTED_AT_ONCE // (4 * vectors.dim))
        for start, block in blocks_in_space(self.space, vectors):
            for first in range(0, len(block), step):
                rows = block[first : first + step]
                numbered = enumerate(rows, start=start + first)
                self._client.insert(self._collection, [{"id": position, "vector": row} for position, row in numbered])
        self._client.flush(self._collection)
        self._client.load_collection(self._collection)

    def _needed_probes(self, settings: EngineSettings, trial: RecallTrial) -> int:
        def recalls_with(probes: int) -> NDArray[np.float64]:
            return trial.measure_recalls(
                lambda queries, _: self._search_collection(queries, settings.rerank, probes, None)
            )

        return least_step(steps_up_to(self.lists), settings.recall, recalls_with)

    def _search_collection(
        self, queries: NDArray[np.float32], count: int, probes: int, allowed: AllowedRows | None
    ) -> NDArray[np.int64]:
        answers = np.full((len(queries), count), -1, dtype=np.int64)
        if self.rows == 0 or (allowed is not None and not allowed.count):
            return answers
        limit, condition = self._search_condition(count, allowed)
        hits = self._client.search(
            self._collection,
            data=list(np.ascontiguousarray(in_space(self.space, queries))),
            limit=min(limit, MOST_ANSWERS),
            search_params={"metric_type": "L2", "params": {"nprobe": probes}},
            **condition,
        )
        for query_number, row in enumerate(hits):
            positions = np.array([hit["id"] for hit in row], dtype=np.int64)
            if allowed is not None:
                positions = positions[allowed.mask[positions]]
            answers[query_number, : min(count, len(positions))] = positions[:count]
        return answers

    def _search_condition(self, count: int, allowed: AllowedRows | None) -> tuple[int, dict[str, Any]]:
        """How many to ask for and under which condition. Rows are named where they are few; else more are asked for."""
        if allowed is None:
            return count, {}
        if allowed.count <= MOST_NAMED:
            return count, {"filter": f"id in {allowed.positions.tolist()}"}
        return math.ceil(2 * count * self.rows / allowed.count), {}


def _connect_client(settings: EngineSettings) -> Any:
    try:
        from pymilvus import MilvusClient, MilvusException
    except ImportError as error:
        raise EngineMissing("The engine milvus needs pymilvus: pip install pymilvus.") from error
    if not settings.url:
        raise EngineMissing("Say where the Milvus server is, as SEARCH_ENGINE_URL=http://host:19530.")
    try:
        return MilvusClient(uri=settings.url, token=settings.token, timeout=_TIMEOUT_S)
    except MilvusException as error:
        raise EngineMissing(f"The Milvus server at {settings.url} does not answer.") from error
