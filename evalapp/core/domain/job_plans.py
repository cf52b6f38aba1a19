"""Plans: what the stages of each kind of job are and how their chunks are made and done.

A plan lives in the app that knows the work; the ledger (`services`, `pipeline`) knows only this shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.module_loading import import_string

Fault = tuple[str, str]
"""A thing that was left out, and why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The arguments of one chunk and its size in units of progress."""

    arguments: dict[str, Any]
    size: int = 1


Part = tuple[str, dict[str, Any]]
"""The name of a thing and the arguments of a chunk that consists of it alone."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`cut` lists the chunks still to do (none is fine); `work` does one and returns what it had to leave out.

    A chunk that failed twice is done in its `parts`, one by one, if it has any: those at fault are named, the others
    are done.
    """

    name: str
    unit: str
    cut: Callable[[str], Iterable[Piece]]
    work: Callable[[str, dict[str, Any]], list[Fault]]
    parts: Callable[[str, dict[str, Any]], list[Part]] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages in order. `finish` is called once, in the transaction that ends the job."""

    stages: tuple[Stage, ...]
    finish: Callable[[str, str], None] = field(default=lambda _target, _state: None)


PLANS: dict[str, tuple[str, str]] = {
    "import": ("evalapp.catalog.pipeline.import_jobs.PLAN", "default"),
    "register": ("evalapp.contenders.pipeline.registrations.PLAN", "gpu"),
    "start": ("evalapp.studies.pipeline.quick_starts.PLAN", "gpu"),
    "precompute": ("evalapp.studies.pipeline.precompute.PLAN", "gpu"),
    "robustness": ("evalapp.studies.pipeline.robustness.PLAN", "gpu"),
    "map": ("evalapp.contenders.pipeline.projections.PLAN", "gpu"),
    "examine": ("evalapp.contenders.pipeline.examinations.PLAN", "gpu"),
    "train": ("evalapp.training.pipeline.training_jobs.PLAN", "gpu"),
    "checkpoint": ("evalapp.training.pipeline.checkpoint_jobs.PLAN", "gpu"),
    "quantise": ("evalapp.training.pipeline.checkpoint_jobs.SMALL", "gpu"),
    "snapshot": ("evalapp.training.pipeline.snapshot_jobs.PLAN", "gpu"),
    "costs": ("evalapp.training.pipeline.cost_jobs.PLAN", "gpu"),
    "index": ("evalapp.search.pipeline.index_builds.PLAN", "gpu"),
    "experiment": ("evalapp.search.pipeline.index_evaluations.PLAN", "gpu"),
    "duplicates": ("evalapp.search.pipeline.duplicate_scans.PLAN", "gpu"),
    "backup": ("evalapp.core.pipeline.backup_jobs.PLAN", "default"),
    "export": ("evalapp.exports.pipeline.export_jobs.PLAN", "default"),
}
"""Kind of job: dotted path of its plan, imported only by the worker, and the queue its nudges go to."""


def plan_of(kind: str) -> Plan:
    """The plan of a kind of job."""
    plan: Plan = import_string(PLANS[kind][0])
    return plan


def queue_of(kind: str) -> str:
    """The queue of a kind of job, known without importing its plan."""
    return PLANS[kind][1]
