"""The loop that every recipe trains in: epochs, validation, the best kept, early stopping, resuming.

Everything random is drawn anew from the seed and the number of the epoch, so that a run that goes on from the
checkpoint of an epoch draws what the undisturbed run drew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from models_registry.devices import usable_cores
from models_registry.training.base import EpochReport
from models_registry.training.checkpoints import load_state, save_state
from models_registry.training.errors import DiskFull, Diverged

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from models_registry.training.base import OnProgress

CURVES = "curves.jsonl"


@dataclass(frozen=True, slots=True)
class Measured:
    """What validation found after an epoch. The epoch with the highest `score` is kept."""

    score: float
    values: dict[str, float]
    points: tuple[tuple[float, float], ...] = ()
    point_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to train. `batches` gives what `loss` takes, for an epoch; both may use the random source they get.

    `values` of `loss` beside the loss itself are averaged over the epoch and reported.
    """

    module: nn.Module
    optimiser: torch.optim.Optimizer
    batches: Callable[[int, np.random.Generator], Iterable[Any]]
    loss: Callable[[Any], tuple[Tensor, dict[str, float]]]
    measure: Callable[[], Measured]
    part: str = ""


@dataclass(slots=True)
class _Progress:
    epoch: int = 0
    best_epoch: int = 0
    best_score: float = -float("inf")
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a training ended; the module holds the weights of the best epoch, in evaluation mode."""

    epochs: int
    best_epoch: int
    best_score: float
    stopped_early: bool


class Pace(Protocol):
    """What the loop goes by of a recipe's settings."""

    @property
    def seed(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def patience(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...


def fit(task: Task, config: Pace, workdir: Path, digest: str, *, on_progress: OnProgress, resume: bool) -> Fitted:
    """Train until nothing gets better any more, or for `config.epochs`.

    `digest` names data and settings: a checkpoint of others is not gone on from. Raises Diverged, DiskFull, and what
    `on_progress` raises.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or usable_cores()))
    path = workdir / f"{task.part or 'run'}.checkpoint"
    progress = _resumed(task, path, digest) if resume else _Progress()
    _begin_curves(workdir, task.part, progress.history)
    for record in progress.history:
        on_progress(_report(record, config))
    if not progress.history:
        on_progress(_report(_before_the_first(task, workdir, progress), config))
    while progress.epoch < config.epochs and progress.epoch - progress.best_epoch < config.patience:
        record = _one_epoch(task, config, progress)
        _write_curve(workdir, record)
        save_state(path, _state(task, progress, digest))
        on_progress(_report(record, config))
    task.module.load_state_dict(progress.best)
    task.module.eval()
    return Fitted(progress.epoch, progress.best_epoch, progress.best_score, progress.epoch < config.epochs)


def _one_epoch(task: Task, config: Pace, progress: _Progress) -> dict[str, Any]:
    epoch = progress.epoch + 1
    torch.manual_seed(config.seed * 1_000_003 + epoch)
    rng = np.random.default_rng((config.seed, epoch))
    task.module.train()
    sums: dict[str, float] = {}
    steps = 0
    for batch in task.batches(epoch, rng):
        task.module.train()
        loss, values = task.loss(batch)
        number = float(loss.detach())
        if not np.isfinite(number):
            raise Diverged(
                f"The loss became {number} in epoch {epoch}; lower learning_rate (now {config.learning_rate:g}), "
                "or look for pictures whose vectors are off."
            )
        task.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        task.optimiser.step()
        steps += 1
        for name, value in {"loss": number, **values}.items():
            sums[name] = sums.get(name, 0.0) + value
    progress.epoch = epoch
    return _validated(task, progress, {name: total / max(steps, 1) for name, total in sums.items()})


def _before_the_first(task: Task, workdir: Path, progress: _Progress) -> dict[str, Any]:
    """Epoch 0: what is there before anything was learnt, which the best may turn out to be."""
    record = _validated(task, progress, {})
    _write_curve(workdir, record)
    return record


def _validated(task: Task, progress: _Progress, means: dict[str, float]) -> dict[str, Any]:
    task.module.eval()
    with torch.no_grad():
        found = task.measure()
    if not progress.best or found.score > progress.best_score:
        progress.best_score, progress.best_epoch = found.score, progress.epoch
        progress.best = {name: value.detach().clone() for name, value in task.module.state_dict().items()}
    record = {
        "part": task.part,
        "epoch": progress.epoch,
        "values": {**means, **found.values},
        "points": [list(point) for point in found.points],
        "point_keys": list(found.point_keys),
    }
    progress.history.append(record)
    return record


def _resumed(task: Task, path: Path, digest: str) -> _Progress:
    state = load_state(path, digest)
    if state is None:
        return _Progress()
    task.module.load_state_dict(state["module"])
    task.optimiser.load_state_dict(state["optimiser"])
    return _Progress(
        state["epoch"], state["best_epoch"], state["best_score"], state["best"], json.loads(state["history"])
    )


def _state(task: Task, progress: _Progress, digest: str) -> dict[str, Any]:
    return {
        "digest": digest,
        "module": task.module.state_dict(),
        "optimiser": task.optimiser.state_dict(),
        "epoch": progress.epoch,
        "best_epoch": progress.best_epoch,
        "best_score": progress.best_score,
        "best": progress.best,
        "history": json.dumps(progress.history),
    }


def _report(record: dict[str, Any], config: Pace) -> EpochReport:
    return EpochReport(
        record["part"],
        record["epoch"],
        config.epochs,
        {name: value for name, value in record["values"].items() if np.isfinite(value)},
        tuple((x, y) for x, y in record["points"]),
        tuple(record["point_keys"]),
    )


def _begin_curves(workdir: Path, part: str, history: list[dict[str, Any]]) -> None:
    """The file of curves holds what other parts wrote, and of this part what is not forgotten."""
    path = workdir / CURVES
    kept = []
    if path.is_file():
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["part"] != part]
    lines = [*kept, *(json.dumps(record) for record in history)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_curve(workdir: Path, record: dict[str, Any]) -> None:
    try:
        with (workdir / CURVES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
    except OSError as error:
        raise DiskFull(f"{workdir / CURVES} cannot be written: {error.strerror or error}.") from error
