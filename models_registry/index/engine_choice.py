"""Which engine an index with the engine `auto` gets: exact while that is fast, else what was measured to be better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_registry.index.engines.engine_base import EngineSettings
from models_registry.index.evaluation import evaluate_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models_registry.index.evaluation import EngineReport
    from models_registry.metrics import Metric
    from models_registry.store import Vectors

EXACT_COMPONENTS = 40_000_000
"""Rows times components up to which comparing everything takes some 10 ms."""

WORTH_ITS_LOSS = 10.0
"""Times as fast as exact an engine must be: it loses answers and has to be built."""

_CANDIDATES = ("faiss:rabitq", "faiss:sq8")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine, and why in one sentence."""

    settings: EngineSettings
    reason: str


def automatic_engine(vectors: Vectors, metrics: Sequence[Metric], *, recall: float = 0.98) -> EngineChoice:
    """The engine for these vectors. Nothing is measured where exact is fast enough."""
    if is_small(len(vectors), vectors.dim):
        size = f"{len(vectors):,} x {vectors.dim:,}"
        return EngineChoice(EngineSettings(), f"{size} is small enough to compare everything.")
    evaluation = evaluate_index(vectors, metrics=metrics, engines=_CANDIDATES, recall=recall, shares=())
    return choose_engine(evaluation.reports, recall=recall)


def is_small(rows: int, dim: int) -> bool:
    """Whether comparing everything is fast enough."""
    return rows * dim <= EXACT_COMPONENTS


def choose_engine(reports: Sequence[EngineReport], *, recall: float = 0.98) -> EngineChoice:
    """Of the engines that reach the recall in every metric, at ten times the speed of exact, that of least memory.

    Exact where there is none. `hamming` is scanned whatever the engine, and decides nothing.
    """
    if reports and is_small(reports[0].rows, reports[0].dim):
        return EngineChoice(EngineSettings(), "It is small enough to compare everything.")
    by_engine: dict[str, list[EngineReport]] = {}
    for report in reports:
        if report.metric != "hamming" and report.engine != "exact":
            by_engine.setdefault(report.engine, []).append(report)
    memory_of_good = {
        engine: sum(one.memory_bytes for one in found) for engine, found in by_engine.items() if _is_good(found, recall)
    }
    if not memory_of_good:
        return EngineChoice(
            EngineSettings(), f"No engine is {WORTH_ITS_LOSS:g} times as fast as exact at a recall of {recall:g}."
        )
    engine = min(memory_of_good, key=lambda name: (memory_of_good[name], name))
    slowest = min(report.over_exact for report in by_engine[engine])
    least = min(report.recall for report in by_engine[engine])
    return EngineChoice(
        EngineSettings.parse(engine, recall=recall),
        f"{engine} is {slowest:.0f} times as fast as exact at a recall of {least:.3f}, in the least memory.",
    )


def _is_good(reports: Sequence[EngineReport], recall: float) -> bool:
    return all(report.recall >= recall and report.over_exact >= WORTH_ITS_LOSS for report in reports)
