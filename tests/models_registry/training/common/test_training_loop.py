"""The loop against a slow twin of one number; what it keeps, tells, writes and refuses."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models_registry.devices import usable_cores
from models_registry.training.common.recipe_base import EpochReport
from models_registry.training.common.training_errors import DiskFull, Diverged, OutOfMemory, Stopped
from models_registry.training.common.training_loop import CURVES, FitSummary, Measured, Task, fit, rate_at
from models_registry.training.labels.label_configs import LoopConfig

RATE = 0.1


@dataclass
class Weight:
    """One weight under a loss that is the weight times each number of a batch; `scores` are what validation finds."""

    batches: list[float]
    scores: Sequence[float] = ()
    part: str = ""
    seen: list[float] = field(default_factory=list)
    told: list[EpochReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.module = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.module.weight, 1.0)

    @property
    def value(self) -> float:
        return float(self.module.weight.detach())

    def task(self) -> Task:
        optimiser = torch.optim.SGD(self.module.parameters(), lr=RATE)
        return Task(self.module, optimiser, lambda _epoch, _rng: self.batches, self._loss, self._measure, self.part)

    def _loss(self, batch: float) -> tuple[Tensor, dict[str, float]]:
        return self.module(torch.tensor([[batch]])).sum(), {"batch": batch}

    def _measure(self) -> Measured:
        self.seen.append(self.value)
        score = self.scores[len(self.seen) - 1] if self.scores else float(len(self.seen))
        return Measured(score, {"score": score, "nothing": float("nan")}, ((0.5, -1.0),), ("key",))

    def fit(self, folder: Path, config: LoopConfig, *, resume: bool = False, digest: str = "d") -> FitSummary:
        folder.mkdir(exist_ok=True)
        return fit(self.task(), config, folder, digest, on_progress=self.told.append, resume=resume)


def rates_of(config: LoopConfig, steps: int) -> Iterator[float]:
    """The factors of all steps: up in a line to 1 where the warm-up ends, then down half a cosine."""
    warm = config.warmup * steps
    for step in range(steps):
        if config.schedule == "constant":
            yield 1.0
        elif step < warm:
            yield (step + 1) / (warm + 1)
        else:
            yield np.cos(np.pi / 2 * (step - warm) / (steps - warm)) ** 2


def trained_slowly(batches: Sequence[float], config: LoopConfig) -> tuple[list[float], list[float]]:
    """What validation sees of the weight before and after every epoch, and the mean loss of each epoch."""
    weight, mean, seen, losses = 1.0, None, [1.0], []
    rates = rates_of(config, config.epochs * len(batches))
    step = 0
    for _ in range(config.epochs):
        losses.append(float(np.mean([])) if not batches else 0.0)
        for batch in batches:
            losses[-1] += weight * batch / len(batches)
            gradient = batch
            if config.clip and abs(batch) > config.clip:
                gradient = config.clip * np.sign(batch)
            weight -= RATE * next(rates) * gradient
            step += 1
            kept = min(config.average, step / (step + 10))
            mean = weight if mean is None else kept * mean + (1 - kept) * weight
        seen.append(mean if config.average and mean is not None else weight)
    return seen, losses


CONFIGS = [
    LoopConfig(epochs=3),
    LoopConfig(epochs=1, schedule="cosine"),
    LoopConfig(epochs=4, schedule="cosine", warmup=0.0),
    LoopConfig(epochs=4, schedule="cosine", warmup=0.25, clip=0.7),
    LoopConfig(epochs=2, schedule="cosine", warmup=0.9),
    LoopConfig(epochs=5, clip=1.0, average=0.3),
    LoopConfig(epochs=5, schedule="cosine", warmup=0.33, average=0.95),
]


@pytest.mark.parametrize("batches", [[0.5, -2.0, 1.0], [1.5], [0.25, 0.5]])
@pytest.mark.parametrize("config", CONFIGS)
def test_a_weight_moves_as_it_does_by_hand(batches: list[float], config: LoopConfig, tmp_path: Path) -> None:
    weight = Weight(batches)
    summary = weight.fit(tmp_path, config)
    seen, losses = trained_slowly(batches, config)
    assert weight.seen == pytest.approx(seen, abs=1e-5)
    assert [report.values["loss"] for report in weight.told[1:]] == pytest.approx(losses, abs=1e-5)
    assert [report.values["batch"] for report in weight.told[1:]] == pytest.approx([np.mean(batches)] * config.epochs)
    assert weight.value == pytest.approx(seen[-1], abs=1e-5)
    assert summary == FitSummary(config.epochs, config.epochs, config.epochs + 1.0, stopped_early=False)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 101])
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.5, 0.99])
def test_the_rate_of_every_step_is_that_of_the_slow_schedule(steps: int, warmup: float) -> None:
    for schedule in ("constant", "cosine"):
        config = LoopConfig(schedule=schedule, warmup=warmup)
        assert [rate_at(config, step, steps) for step in range(steps)] == pytest.approx(list(rates_of(config, steps)))


def test_an_epoch_without_batches_is_validated_all_the_same(tmp_path: Path) -> None:
    weight = Weight([])
    assert weight.fit(tmp_path, LoopConfig(epochs=2, schedule="cosine")).epochs == 2
    assert weight.seen == [1.0, 1.0, 1.0]
    assert [set(report.values) for report in weight.told] == [{"score"}] * 3


@pytest.mark.parametrize(
    ("scores", "patience", "epochs", "best"),
    [
        ([5, 1, 2, 3, 4, 4, 4], 3, 3, 0),
        ([1, 2, 1, 3, 0, 0, 9], 2, 5, 3),
        ([1, 2, 2, 2, 2, 2, 9], 2, 3, 1),
        ([1, 2, 3, 4, 5, 6, 7], 1, 6, 6),
        ([-5, -9, -4, -9, -9, -9, -9], 4, 6, 2),
        ([1, 2, 1, 1, 1, 1, 1], 5, 6, 1),
    ],
)
def test_the_first_best_epoch_is_kept_and_waited_for_so_long(
    scores: list[float], patience: int, epochs: int, best: int, tmp_path: Path
) -> None:
    """An epoch as good as the best one is no better; the last one of all is reached or not."""
    weight = Weight([1.0], scores)
    summary = weight.fit(tmp_path, LoopConfig(epochs=6, patience=patience))
    assert summary == FitSummary(epochs, best, scores[best], stopped_early=epochs < 6)
    assert weight.value == pytest.approx(weight.seen[best])
    assert not weight.module.training


def test_every_epoch_is_told_with_finite_values_and_the_map(tmp_path: Path) -> None:
    weight = Weight([1.0], part="colours")
    weight.fit(tmp_path, LoopConfig(epochs=2))
    assert [(report.part, report.epoch, report.epochs) for report in weight.told] == [
        ("colours", n, 2) for n in range(3)
    ]
    assert [set(report.values) for report in weight.told] == [{"score"}, *[{"loss", "batch", "score"}] * 2]
    assert weight.told[0].points == ((0.5, -1.0),)
    assert weight.told[0].point_keys == ("key",)


def curves_in(folder: Path) -> list[tuple[str, int]]:
    lines = [json.loads(line) for line in (folder / CURVES).read_text(encoding="utf-8").splitlines()]
    return [(line["part"], line["epoch"]) for line in lines]


def test_curves_of_parts_stand_in_one_file_and_a_part_begun_anew_writes_its_own_anew(tmp_path: Path) -> None:
    for part, epochs in (("one", 2), ("other", 1), ("one", 1)):
        Weight([1.0], part=part).fit(tmp_path, LoopConfig(epochs=epochs))
    assert curves_in(tmp_path) == [("other", 0), ("other", 1), ("one", 0), ("one", 1)]
    assert {file.name for file in tmp_path.iterdir()} == {CURVES, "one.checkpoint", "other.checkpoint"}


def stopped_after(weight: Weight, epoch: int, folder: Path, config: LoopConfig) -> None:
    def stop(report: EpochReport) -> None:
        if report.epoch == epoch:
            raise Stopped

    folder.mkdir(exist_ok=True)
    with pytest.raises(Stopped):
        fit(weight.task(), config, folder, "d", on_progress=stop, resume=False)


@pytest.mark.parametrize("config", CONFIGS[3:4] + CONFIGS[5:])
def test_a_run_gone_on_with_ends_as_the_undisturbed_one(config: LoopConfig, tmp_path: Path) -> None:
    batches = [0.5, -2.0, 1.0]
    scores = [1, 5, 2, 6, 3, 4]
    whole, begun, gone_on = Weight(batches, scores), Weight(batches, scores), Weight(batches, scores[2:])
    expected = whole.fit(tmp_path / "whole", config)
    stopped_after(begun, 1, tmp_path / "begun", config)
    assert curves_in(tmp_path / "begun") == [("", 0), ("", 1)]
    found = gone_on.fit(tmp_path / "begun", config, resume=True)
    assert found == expected
    assert gone_on.value == whole.value
    assert gone_on.seen == whole.seen[2:]
    assert gone_on.told == whole.told
    assert (tmp_path / "begun" / CURVES).read_text() == (tmp_path / "whole" / CURVES).read_text()


@pytest.mark.parametrize(("resume", "digest"), [(False, "d"), (True, "of other data")])
def test_a_run_begun_anew_or_of_other_data_forgets_the_checkpoint(resume: bool, digest: str, tmp_path: Path) -> None:
    config = LoopConfig(epochs=2)
    Weight([1.0]).fit(tmp_path, config)
    again = Weight([1.0])
    again.fit(tmp_path, config, resume=resume, digest=digest)
    assert again.seen == pytest.approx([1.0, 0.9, 0.8])
    assert curves_in(tmp_path) == [("", 0), ("", 1), ("", 2)]


def test_a_run_that_had_ended_is_told_again_and_not_trained_further(tmp_path: Path) -> None:
    config = LoopConfig(epochs=2)
    done, again = Weight([1.0], [1, 3, 2]), Weight([1.0])
    done.fit(tmp_path, config)
    again.fit(tmp_path, config, resume=True)
    assert again.told == done.told
    assert (again.seen, again.value) == ([], done.value)


def test_momentum_goes_on_too(tmp_path: Path) -> None:
    def with_momentum(weight: Weight) -> Task:
        return replace(weight.task(), optimiser=torch.optim.SGD(weight.module.parameters(), lr=RATE, momentum=0.9))

    def trained(folder: Path, epochs: int, *, resume: bool) -> float:
        weight = Weight([1.0, 2.0], [8, 9] if resume else [])
        folder.mkdir(exist_ok=True)
        config = LoopConfig(epochs=epochs)
        fit(with_momentum(weight), config, folder, "d", on_progress=lambda _report: None, resume=resume)
        return weight.value

    whole = trained(tmp_path / "whole", 4, resume=False)
    trained(tmp_path / "begun", 2, resume=False)
    assert trained(tmp_path / "begun", 4, resume=True) == whole


def fit_with(folder: Path, config: LoopConfig, module: nn.Module, **parts: Any) -> None:
    optimiser = parts.pop("optimiser", None) or torch.optim.SGD(module.parameters(), lr=RATE)
    task = Task(
        module,
        optimiser,
        parts.pop("batches", lambda _epoch, _rng: [1, 2]),
        parts.pop("loss", lambda _batch: (module(torch.ones(1, 1)).sum(), {})),
        parts.pop("measure", lambda: Measured(0.0, {})),
    )
    fit(task, config, folder, "d", on_progress=lambda _report: None, resume=False)


@pytest.mark.parametrize("left_in_training", [True, False])
def test_batches_and_losses_meet_the_module_in_training_and_validation_does_not(
    left_in_training: bool, tmp_path: Path
) -> None:
    """In whatever mode a loss or a validation leaves it."""
    module = nn.Linear(1, 1)
    modes: dict[str, list[bool]] = {"batches": [], "loss": [], "measure": []}

    def batches(_epoch: int, _rng: np.random.Generator) -> list[int]:
        modes["batches"].append(module.training)
        return [1, 2]

    def loss(_batch: int) -> tuple[Tensor, dict[str, float]]:
        modes["loss"].append(module.training)
        module.train(left_in_training)
        return module(torch.ones(1, 1)).sum(), {}

    def measure() -> Measured:
        modes["measure"].append(module.training or torch.is_grad_enabled())
        module.train(left_in_training)
        return Measured(0.0, {})

    fit_with(tmp_path, LoopConfig(epochs=2), module, batches=batches, loss=loss, measure=measure)
    assert modes == {"batches": [True] * 2, "loss": [True] * 4, "measure": [False] * 3}
    assert not module.training


def draws_of(seed: int, folder: Path, epochs: int = 4) -> list[tuple[float, float, float]]:
    """What torch and the random source of the batches give in each epoch."""
    module, drawn = nn.Linear(1, 1), []

    def batches(_epoch: int, rng: np.random.Generator) -> list[float]:
        drawn.append((float(torch.rand(())), float(rng.random()), 0.0))
        return [1.0]

    def loss(_batch: float) -> tuple[Tensor, dict[str, float]]:
        drawn[-1] = (*drawn[-1][:2], float(torch.rand(())))
        return module(torch.ones(1, 1)).sum(), {}

    folder.mkdir()
    fit_with(folder, LoopConfig(seed=seed, epochs=epochs), module, batches=batches, loss=loss)
    return drawn


def test_every_epoch_of_every_seed_draws_its_own_numbers_and_the_same_again(tmp_path: Path) -> None:
    drawn = {seed: draws_of(seed, tmp_path / str(seed)) for seed in (0, 1, 2)}
    every = [number for some in drawn.values() for triple in some for number in triple]
    assert len(set(every)) == len(every)
    assert draws_of(1, tmp_path / "again") == drawn[1]


def test_a_run_begun_by_an_earlier_version_goes_on_with_the_draws_of_then(tmp_path: Path) -> None:
    _, third = draws_of(2, tmp_path / "run", epochs=3)[1:]
    source = torch.Generator().manual_seed(2_000_009)
    torch_draws = [float(torch.rand((), generator=source)) for _ in range(2)]
    assert third == (torch_draws[0], float(np.random.default_rng((2, 3)).random()), torch_draws[1])


def test_a_weight_without_a_gradient_is_left_alone_by_momentum_and_decay(tmp_path: Path) -> None:
    """As where a batch shows nothing to one of several heads."""
    module = nn.ModuleList([nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)])
    optimiser = torch.optim.SGD(module.parameters(), lr=RATE, momentum=0.9, weight_decay=0.5)
    weights: list[float] = []

    def loss(which: int) -> tuple[Tensor, dict[str, float]]:
        weights.append(float(module[0].weight.detach()))
        return module[which](torch.ones(1, 1)).sum(), {}

    fit_with(
        tmp_path, LoopConfig(epochs=1), module, optimiser=optimiser, loss=loss, batches=lambda _epoch, _rng: [0, 1, 1]
    )
    assert weights[0] != weights[1] == weights[2]


def test_counters_stand_in_the_mean_of_the_weights_as_they_are(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2))
    counted: list[int] = []

    def measure() -> Measured:
        counted.append(int(module[1].num_batches_tracked))
        return Measured(float(len(counted)), {})

    def loss(_batch: int) -> tuple[Tensor, dict[str, float]]:
        return module(torch.arange(4.0)[:, None]).square().sum(), {}

    fit_with(tmp_path, LoopConfig(epochs=3, average=0.9), module, loss=loss, measure=measure)
    assert counted == [0, 2, 4, 6]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_lower(number: float, tmp_path: Path) -> None:
    weight = Weight([1.0, number])
    with pytest.raises(Diverged, match=rf"became {number} in epoch 1; lower learning_rate \(now 0.003\)"):
        weight.fit(tmp_path, LoopConfig(learning_rate=0.003))
    assert curves_in(tmp_path) == [("", 0)]


def test_a_batch_too_large_for_the_device_says_what_to_lower(tmp_path: Path) -> None:
    def loss(_batch: int) -> tuple[Tensor, dict[str, float]]:
        raise torch.OutOfMemoryError

    with pytest.raises(OutOfMemory, match="no memory for a batch of this size: lower batch_size"):
        fit_with(tmp_path, LoopConfig(), nn.Linear(1, 1), loss=loss)


@pytest.mark.parametrize(
    ("error", "said"), [(OSError(errno.ENOSPC, "No space left"), "No space left"), (OSError("x"), "x")]
)
def test_curves_that_cannot_be_written_stop_the_run_in_words(
    error: OSError, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refused(self: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if mode == "a":
            raise error
        return opened(self, mode, *rest, **named)

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(DiskFull, match=rf"curves\.jsonl cannot be written: {said}\."):
        Weight([1.0]).fit(tmp_path, LoopConfig())


@pytest.fixture
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads_as_before")
@pytest.mark.parametrize(("told", "used"), [("3", lambda: 3), ("", usable_cores), (None, usable_cores)])
def test_training_takes_the_threads_it_is_told_and_else_all_cores(
    told: str | None, used: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if told is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
    torch.set_num_threads(used() + 1)
    Weight([1.0]).fit(tmp_path, LoopConfig(epochs=1))
    assert torch.get_num_threads() == used()
