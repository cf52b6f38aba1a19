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
    "precompute": ("evalapp.studies.pipeline.PLAN", "gpu"),
    "robustness": ("evalapp.studies.robustness.PLAN", "gpu"),
    "map": ("evalapp.contenders.mapping.PLAN", "gpu"),
    "train": ("evalapp.training.pipeline.PLAN", "gpu"),
    "export": ("evalapp.exports.pipeline.PLAN", "default"),
}
"""Kind of job: dotted path of its plan, imported only by the worker, and the queue its nudges go to."""

TARGETS: dict[str, tuple[str, str]] = {
    "study": ("studies.Study", "slug"),
    "map": ("contenders.EmbeddingMap", "embedding__model__name"),
    "training": ("training.TrainingRun", "name"),
    "export": ("exports.Export", "study__slug"),
}
"""What a target such as `study:12` is: the model, known by its name only, and the field that people call it by."""


def plan_of(kind: str) -> Plan:
    """The plan of a kind of job."""
    found: Plan = import_string(PLANS[kind][0])
    return found


def queue_of(kind: str) -> str:
    """The queue of a kind of job, known without importing its plan."""
    return PLANS[kind][1]
