"""Engines measured on the user's own vectors: what each finds, how fast, at what cost; with filters and without."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.index.engines.engine_base import EngineSettings
from models_registry.index.engines.engine_list import build_engines
from models_registry.index.engines.probe_search import DEPTH, recall_per_query
from models_registry.index.vector_index import IndexBase, VectorIndex
from models_registry.index.vector_spaces import SPACE_OF
from models_registry.neighbours.search_threads import limited_threads
from models_registry.store import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from models_registry.index.search_answers import Answers
    from models_registry.metrics import Metric

FILTER_SHARES = (0.26, 0.1, 0.01, 0.001)
EFFORTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
LARGEST_MEASURED = 200_000
_QUERIES = 200
_SLOW_QUERIES = 40  # exact questions are asked one at a time, and each looks at everything
_BATCH = 64


@dataclass(frozen=True, slots=True)
class FilterReport:
    """Questions to which a share of the rows, by chance, may answer; `over_scan`: times as fast as one of all rows."""

    share: float
    recall: float
    queries_per_cpu_second: float
    over_scan: float


@dataclass(frozen=True, slots=True)
class EffortReport:
    """The same engine made to look at more or less: `effort` multiplies what it was built to look at."""

    effort: float
    recall: float
    queries_per_cpu_second: float
    over_exact: float


@dataclass(frozen=True, slots=True)
class EngineReport:
    """One engine under one metric.

    `recall` is that at 10, `batched` the rate with 64 questions at once, both rates per second of processor time of
    this process (a server's is not in them). `over_exact`: times as fast as comparing everything, one question at a
    time. `efforts` are recall against cost, least effort first; engines that look at everything have none. `p50_ms` and
    `p99_ms` are by the clock. `memory_bytes` and `build_cpu_seconds` are those of the space.
    """

    engine: str
    metric: Metric
    rows: int
    dim: int
    recall: float
    queries_per_cpu_second: float
    over_exact: float
    batched: float
    p50_ms: float
    p99_ms: float
    build_cpu_seconds: float
    memory_bytes: int
    memory_share: float
    filters: tuple[FilterReport, ...]
    efforts: tuple[EffortReport, ...] = ()

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EngineReport:
        """What `to_json` gave."""
        filters = tuple(FilterReport(**one) for one in record["filters"])
        return cls(**{**record, "filters": filters, "efforts": tuple(EffortReport(**one) for one in record["efforts"])})

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class IndexEvaluation:
    """All reports. `sampled` says that only LARGEST_MEASURED of the rows were measured."""

    reports: tuple[EngineReport, ...]
    sampled: bool


def evaluate_index(
    vectors: Vectors,
    *,
    metrics: Sequence[Metric],
    engines: Sequence[str | EngineSettings] = ("exact", "faiss:rabitq", "faiss:sq8"),
    recall: float = 0.98,
    queries: NDArray[np.float32] | None = None,
    shares: Sequence[float] = FILTER_SHARES,
    efforts: Sequence[float] = (),
    seed: int = 0,
    on_progress: Callable[[str], None] | None = None,
) -> IndexEvaluation:
    """Build each engine over these vectors, ask it, and compare with every row compared.

    `queries` [Q, d] are vectors of photographs that are not in the catalogue, best of treated copies; without them,
    rows of the catalogue ask, each without itself. `recall` is what engines named by text are built for. At each of
    the `efforts` (1 is what they were built for) they are asked once more, for a curve of recall against cost.
    """
    chance = np.random.default_rng(seed)
    sampled = len(vectors) > LARGEST_MEASURED
    if sampled:
        vectors = vectors.select(np.sort(chance.permutation(len(vectors))[:LARGEST_MEASURED]).astype(np.int64))
    questions = _Questions.draw_questions(vectors, queries, chance)
    masks = [(share, _random_mask(len(vectors), share, chance)) for share in shares]
    reports: list[EngineReport] = []
    with limited_threads(1):
        for metric in dict.fromkeys(metrics):
            truth = _Truth.from_exact(vectors, questions, metric, masks)
            for engine in engines:
                settings = engine if isinstance(engine, EngineSettings) else EngineSettings.parse(engine, recall=recall)
                if on_progress is not None:
                    on_progress(f"{settings.label}, {metric}")
                reports.append(_measure_engine(settings, metric, vectors, questions, truth, efforts))
    return IndexEvaluation(tuple(reports), sampled)


@dataclass(frozen=True, eq=False)
class _Questions:
    rows: NDArray[np.float32]
    ids: NDArray[np.int64]

    @classmethod
    def draw_questions(
        cls, vectors: Vectors, queries: NDArray[np.float32] | None, chance: np.random.Generator
    ) -> _Questions:
        if queries is not None:
            return cls(queries[:_QUERIES], np.full(len(queries[:_QUERIES]), -1, dtype=np.int64))
        ids = np.sort(chance.permutation(len(vectors))[:_QUERIES]).astype(np.int64)
        return cls(vectors.take(ids), ids)

    def one_by_one(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        return ((self.rows[at : at + 1], self.ids[at : at + 1]) for at in range(len(self.rows)))


@dataclass(frozen=True, eq=False)
class _Truth:
    """The true distances, without filter and per filter, and how many questions exact search answers."""

    distances: NDArray[np.float64]
    filtered: Sequence[tuple[float, NDArray[np.bool_], NDArray[np.float64]]]
    rate: float

    @classmethod
    def from_exact(
        cls, vectors: Vectors, questions: _Questions, metric: Metric, masks: Sequence[tuple[float, NDArray[np.bool_]]]
    ) -> _Truth:
        index = _build_index(EngineSettings(), metric, vectors)
        few = _Questions(questions.rows[:_SLOW_QUERIES], questions.ids[:_SLOW_QUERIES])
        whole = index.search(questions.rows, metric=metric, k=DEPTH, query_ids=questions.ids)
        rate = _ask_one_by_one(index, metric, few, None).rate
        filtered = [
            (share, mask, index.search(questions.rows, metric=metric, k=DEPTH, query_ids=questions.ids, allowed=mask))
            for share, mask in masks
        ]
        return cls(whole.distances, [(share, mask, found.distances) for share, mask, found in filtered], rate)


@dataclass(frozen=True, eq=False)
class _Timed:
    distances: NDArray[np.float64]
    rate: float
    milliseconds: NDArray[np.float64]


def _measure_engine(
    settings: EngineSettings,
    metric: Metric,
    vectors: Vectors,
    questions: _Questions,
    truth: _Truth,
    efforts: Sequence[float],
) -> EngineReport:
    begun = time.process_time()
    index = _build_index(settings, metric, vectors)
    build = time.process_time() - begun
    engine = index.base.engines[SPACE_OF[metric]]
    try:
        if settings.name == "exact":
            questions = _Questions(questions.rows[:_SLOW_QUERIES], questions.ids[:_SLOW_QUERIES])
        timed = _ask_one_by_one(index, metric, questions, None)
        filters = tuple(
            _filter_report(_ask_one_by_one(index, metric, questions, mask), share, true, truth.rate)
            for share, mask, true in truth.filtered
        )
        return EngineReport(
            engine=settings.label,
            metric=metric,
            rows=len(vectors),
            dim=vectors.dim,
            recall=_mean_recall(timed, truth.distances),
            queries_per_cpu_second=timed.rate,
            over_exact=timed.rate / truth.rate,
            batched=_batched_rate(index, metric, questions),
            p50_ms=float(np.percentile(timed.milliseconds, 50)),
            p99_ms=float(np.percentile(timed.milliseconds, 99)),
            build_cpu_seconds=build,
            memory_bytes=engine.memory_bytes,
            memory_share=engine.memory_bytes / max(1, 4 * vectors.dim * len(vectors)),
            filters=filters,
            efforts=()
            if engine.exact
            else tuple(_effort_report(index, metric, questions, truth, one) for one in efforts),
        )
    finally:
        engine.remove()


def _filter_report(timed: _Timed, share: float, true: NDArray[np.float64], scan: float) -> FilterReport:
    return FilterReport(share, _mean_recall(timed, true), timed.rate, timed.rate / scan)


def _effort_report(
    index: VectorIndex, metric: Metric, questions: _Questions, truth: _Truth, effort: float
) -> EffortReport:
    timed = _ask_one_by_one(index, metric, questions, None, effort)
    return EffortReport(effort, _mean_recall(timed, truth.distances), timed.rate, timed.rate / truth.rate)


def _mean_recall(timed: _Timed, true: NDArray[np.float64]) -> float:
    return (
        float(recall_per_query(timed.distances, true[: len(timed.distances)]).mean()) if len(timed.distances) else 1.0
    )


def _build_index(settings: EngineSettings, metric: Metric, vectors: Vectors) -> VectorIndex:
    ids = np.arange(len(vectors), dtype=np.int64)
    base = IndexBase(ids, vectors, build_engines(settings, [metric], vectors), settings.rerank)
    return VectorIndex.from_base(base, threads=1)


def _ask_one_by_one(
    index: VectorIndex, metric: Metric, questions: _Questions, mask: NDArray[np.bool_] | None, effort: float = 1.0
) -> _Timed:
    """Every question on its own, as people ask; the first once before, for what is only done once."""
    for row, own_ids in list(questions.one_by_one())[:1]:
        index.search(row, metric=metric, k=DEPTH, query_ids=own_ids, allowed=mask, effort=effort)
    answers_in_turn: list[Answers] = []
    clock: list[float] = []
    begun = time.process_time()
    for row, own_ids in questions.one_by_one():
        start = time.perf_counter()
        answers_in_turn.append(
            index.search(row, metric=metric, k=DEPTH, query_ids=own_ids, allowed=mask, effort=effort)
        )
        clock.append(1000 * (time.perf_counter() - start))
    rate = len(answers_in_turn) / max(time.process_time() - begun, 1e-9)
    distances = np.concatenate([answers.distances for answers in answers_in_turn])
    return _Timed(distances, rate, np.array(clock))


def _batched_rate(index: VectorIndex, metric: Metric, questions: _Questions) -> float:
    begun = time.process_time()
    for start in range(0, len(questions.rows), _BATCH):
        rows, own_ids = questions.rows[start : start + _BATCH], questions.ids[start : start + _BATCH]
        index.search(rows, metric=metric, k=DEPTH, query_ids=own_ids)
    return len(questions.rows) / max(time.process_time() - begun, 1e-9)


def _random_mask(rows: int, share: float, chance: np.random.Generator) -> NDArray[np.bool_]:
    mask = np.zeros(rows, dtype=np.bool_)
    mask[chance.permutation(rows)[: max(1, round(share * rows))]] = True
    return mask
