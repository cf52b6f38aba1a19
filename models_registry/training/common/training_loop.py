"""The loop that every recipe trains in: epochs, validation, the best kept, early stopping, resuming.

Everything random is drawn anew from the seed and the number of the epoch, so that a run that goes on from the
checkpoint of an epoch draws what the undisturbed run drew.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch

from models_registry.devices import usable_cores
from models_registry.training.common.recipe_base import EpochReport
from models_registry.training.common.run_checkpoints import load_state, save_state
from models_registry.training.common.training_errors import DiskFull, Diverged, OutOfMemory

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from models_registry.training.common.recipe_base import OnProgress

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
    best_score: float = 0.0
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    mean: dict[str, Tensor] = field(default_factory=dict)
    """The running mean of the weights; empty where none is kept."""


@dataclass(frozen=True, slots=True)
class FitSummary:
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
    @property
    def schedule(self) -> Literal["constant", "cosine"]: ...
    @property
    def warmup(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def average(self) -> float: ...


def fit(task: Task, config: Pace, workdir: Path, digest: str, *, on_progress: OnProgress, resume: bool) -> FitSummary:
    """Train until nothing gets better any more, or for `config.epochs`.

    `digest` names data and settings: a checkpoint of others is not gone on from. Raises Diverged, DiskFull,
    OutOfMemory, and what `on_progress` raises.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or usable_cores()))
    path = workdir / f"{task.part or 'run'}.checkpoint"
    progress = _resume_progress(task, path, digest) if resume else _Progress()
    _begin_curves(workdir, task.part, progress.history)
    for record in progress.history:
        on_progress(_epoch_report(record, config))
    if not progress.history:
        on_progress(_epoch_report(_validate_untrained(task, workdir, progress), config))
    while progress.epoch < config.epochs and progress.epoch - progress.best_epoch < config.patience:
        record = _train_epoch(task, config, progress)
        _write_curve(workdir, record)
        save_state(path, _checkpoint_state(task, progress, digest))
        on_progress(_epoch_report(record, config))
    task.module.load_state_dict(progress.best)
    task.module.eval()
    return FitSummary(progress.epoch, progress.best_epoch, progress.best_score, progress.epoch < config.epochs)


def _train_epoch(task: Task, config: Pace, progress: _Progress) -> dict[str, Any]:
    epoch = progress.epoch + 1
    # A prime beyond any number of epochs: no epoch of one seed draws what an epoch of another does.
    torch.manual_seed(config.seed * 1_000_003 + epoch)
    rng = np.random.default_rng((config.seed, epoch))
    task.module.train()
    sums: dict[str, float] = {}
    steps = 0
    # As a list: the schedule of the rate goes by how many steps the whole run has.
    batches = list(task.batches(epoch, rng))
    for batch in batches:
        task.module.train()
        loss, values = _loss_within_memory(task, batch)
        number = float(loss.detach())
        if not np.isfinite(number):
            raise Diverged(
                f"The loss became {number} in epoch {epoch}; lower learning_rate (now {config.learning_rate:g}), "
                "or look for pictures whose vectors are off."
            )
        _set_learning_rate(
            task.optimiser, rate_at(config, (epoch - 1) * len(batches) + steps, config.epochs * len(batches))
        )
        task.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip:
            torch.nn.utils.clip_grad_norm_(task.module.parameters(), config.clip)
        task.optimiser.step()
        steps += 1
        if config.average:
            _update_weight_mean(task.module, progress, config.average, (epoch - 1) * len(batches) + steps)
        for name, value in {"loss": number, **values}.items():
            sums[name] = sums.get(name, 0.0) + value
    progress.epoch = epoch
    return _validate_epoch(task, progress, {name: total / steps for name, total in sums.items()})


def rate_at(config: Pace, step: int, steps: int) -> float:
    """By how much the rate of learning is multiplied at this step, from 0 on, of so many."""
    if config.schedule == "constant":
        return 1.0
    warm = config.warmup * steps
    if step < warm:
        return (step + 1) / (warm + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def _set_learning_rate(optimiser: torch.optim.Optimizer, factor: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def _update_weight_mean(module: nn.Module, progress: _Progress, decay: float, step: int) -> None:
    """Move the running mean towards the weights as they are; early steps count more."""
    present_weights = module.state_dict()
    present_decay = min(decay, step / (step + 10))
    for name, value in present_weights.items():
        if name in progress.mean and value.is_floating_point():
            progress.mean[name].lerp_(value, 1 - present_decay)
        else:
            progress.mean[name] = value.detach().clone()


def _loss_within_memory(task: Task, batch: Any) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch; raises OutOfMemory in words where the device has no room for it."""
    try:
        return task.loss(batch)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            "The device has no memory for a batch of this size: lower batch_size, or groups and per_group."
        ) from error


def _validate_untrained(task: Task, workdir: Path, progress: _Progress) -> dict[str, Any]:
    """Epoch 0: what is there before anything was learnt, which the best may turn out to be."""
    record = _validate_epoch(task, progress, {})
    _write_curve(workdir, record)
    return record


def _validate_epoch(task: Task, progress: _Progress, means: dict[str, float]) -> dict[str, Any]:
    task.module.eval()
    unaveraged_weights = (
        {name: value.detach().clone() for name, value in task.module.state_dict().items()} if progress.mean else {}
    )
    if unaveraged_weights:
        task.module.load_state_dict(progress.mean)
    with torch.no_grad():
        measured = task.measure()
    if not progress.best or measured.score > progress.best_score:
        progress.best_score, progress.best_epoch = measured.score, progress.epoch
        progress.best = {name: value.detach().clone() for name, value in task.module.state_dict().items()}
    if unaveraged_weights:
        task.module.load_state_dict(unaveraged_weights)
    record = {
        "part": task.part,
        "epoch": progress.epoch,
        "values": {**means, **measured.values},
        "points": [list(point) for point in measured.points],
        "point_keys": list(measured.point_keys),
    }
    progress.history.append(record)
    return record


def _resume_progress(task: Task, path: Path, digest: str) -> _Progress:
    state = load_state(path, digest)
    if state is None:
        return _Progress()
    task.module.load_state_dict(state["module"])
    task.optimiser.load_state_dict(state["optimiser"])
    present_weights = task.module.state_dict()
    return _Progress(
        state["epoch"], state["best_epoch"], state["best_score"], state["best"], json.loads(state["history"]),
        {name: value.to(present_weights[name].device) for name, value in state["mean"].items()},
    )  # fmt: skip


def _checkpoint_state(task: Task, progress: _Progress, digest: str) -> dict[str, Any]:
    return {
        "digest": digest,
        "module": task.module.state_dict(),
        "optimiser": task.optimiser.state_dict(),
        "epoch": progress.epoch,
        "best_epoch": progress.best_epoch,
        "best_score": progress.best_score,
        "best": progress.best,
        "history": json.dumps(progress.history),
        "mean": progress.mean,
    }


def _epoch_report(record: dict[str, Any], config: Pace) -> EpochReport:
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
    lines_of_other_parts = []
    if path.is_file():
        lines_of_other_parts = [
            line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["part"] != part
        ]
    lines = [*lines_of_other_parts, *(json.dumps(record) for record in history)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_curve(workdir: Path, record: dict[str, Any]) -> None:
    try:
        with (workdir / CURVES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
    except OSError as error:
        raise DiskFull(f"{workdir / CURVES} cannot be written: {error.strerror or error}.") from error
