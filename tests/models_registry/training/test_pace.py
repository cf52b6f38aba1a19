"""How the loop steps: rates along a schedule, gradients of a bounded length, the mean of the weights; each alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models_registry.store import Vectors
from models_registry.training.common.training_loop import CURVES, Measured, Task, fit, rate_at
from models_registry.training.labels.class_whitening import MOST_DIM, whitened_start
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import LoopConfig, TripletConfig
from models_registry.training.labels.recipes.triplet import RECIPE as TRIPLET
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.clouds import clouds


class Slope:
    """One weight under a loss of this slope; plain steps of 0.1. `weights` are what validation saw."""

    def __init__(self, slope: float = 1.0, steps: int = 4) -> None:
        self.module = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.module.weight)
        self.weights: list[float] = []
        self.taken: list[float] = []
        self.task = Task(
            self.module,
            torch.optim.SGD(self.module.parameters(), lr=0.1),
            lambda _epoch, _rng: [slope] * steps,
            self._loss,
            self._measure,
        )

    def _loss(self, slope: float) -> tuple[torch.Tensor, dict[str, float]]:
        self.taken.append(float(self.module.weight.detach()))
        return self.module(torch.ones(1, 1)).sum() * slope, {}

    def _measure(self) -> Measured:
        self.weights.append(float(self.module.weight.detach()))
        return Measured(-self.weights[-1], {})

    def fit(self, folder: Path, config: LoopConfig, *, resume: bool = False) -> None:
        fit(self.task, config, folder, "digest", on_progress=lambda _report: None, resume=resume)


def test_a_constant_rate_takes_equal_steps(tmp_path: Path) -> None:
    run = Slope()
    run.fit(tmp_path, LoopConfig(epochs=2))
    assert np.diff(run.taken) == pytest.approx([-0.1] * 7)


def test_the_rate_rises_and_then_falls_along_a_cosine(tmp_path: Path) -> None:
    config = LoopConfig(epochs=5, schedule="cosine", warmup=0.2)
    run = Slope()
    run.fit(tmp_path, config)
    steps = -np.diff(run.taken)
    wanted = [rate_at(config, step, 20) for step in range(20)]
    assert steps == pytest.approx(0.1 * np.array(wanted[:19]), abs=1e-6)
    assert wanted[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert wanted[12] == pytest.approx(0.5)
    assert wanted[4:] == sorted(wanted[4:], reverse=True)
    assert wanted[-1] < 0.02


def test_a_run_that_goes_on_takes_the_steps_of_the_undisturbed_one(tmp_path: Path) -> None:
    config = LoopConfig(epochs=4, schedule="cosine", average=0.8)
    whole, begun, gone_on = Slope(), Slope(), Slope()
    whole.fit(tmp_path / "a", _folder(tmp_path / "a", config))
    _stopped_after(begun, 2, tmp_path / "b", _folder(tmp_path / "b", config))
    gone_on.fit(tmp_path / "b", config, resume=True)
    assert gone_on.taken == pytest.approx(whole.taken[8:])
    assert gone_on.weights[-1] == pytest.approx(whole.weights[-1])


def test_long_gradients_are_shortened_and_short_ones_left(tmp_path: Path) -> None:
    steep, flat = Slope(slope=50.0), Slope(slope=0.3)
    steep.fit(tmp_path, LoopConfig(epochs=1, clip=2.0))
    flat.fit(tmp_path, LoopConfig(epochs=1, clip=2.0))
    assert np.diff(steep.taken) == pytest.approx([-0.2] * 3, rel=1e-4)
    assert np.diff(flat.taken) == pytest.approx([-0.03] * 3)


def test_the_mean_of_the_weights_is_judged_and_kept_and_training_goes_on_from_the_last(tmp_path: Path) -> None:
    run = Slope()
    run.fit(tmp_path, LoopConfig(epochs=3, average=0.9))
    assert np.diff(run.taken) == pytest.approx([-0.1] * 11)
    mean, expected = run.taken[1], []
    for step, weight in enumerate([*run.taken[1:], run.taken[-1] - 0.1], start=1):
        kept = min(0.9, step / (step + 10))
        mean = kept * mean + (1 - kept) * weight
        expected.append(mean)
    assert run.weights[1:] == pytest.approx([expected[3], expected[7], expected[11]])
    assert float(run.module.weight.detach()) == pytest.approx(expected[11])


@pytest.mark.parametrize("loss", ["proxy-anchor", "proxy-nca"])
def test_proxies_learn_at_a_rate_of_their_own(loss: str, tmp_path: Path) -> None:
    still = _proxies_moved(loss, 1e-9, tmp_path / "still")
    slow, fast = (_proxies_moved(loss, rate, tmp_path / str(rate)) for rate in (1.0, 100.0))
    assert still < 1e-6 < slow < fast / 20


def test_long_vectors_begin_as_a_whitening_of_their_principal_directions(tmp_path: Path) -> None:
    """Numbers that only tell pictures of one product apart count less, in vectors longer than a scatter is made for."""
    data = clouds(products=160)
    rows = data.vectors.rows(0, len(data))
    noise = np.random.default_rng(1).standard_normal((len(data), 4)).astype("f4") * 25
    blank = np.zeros((len(data), MOST_DIM), dtype="f4")
    wide = replace(data, vectors=Vectors.from_array(np.concatenate([rows, noise, blank], axis=1)))
    config = TripletConfig(validation_share=0.2)
    session = Session("triplet", wide, config, tmp_path)
    head = nn.Sequential(*whitened_start(session, Groups.from_session(session, config), 256))
    test = session.splits["test"]
    whitened = head(session.features.take(test)).detach().numpy()
    assert _found(wide, test, whitened) > _found(wide, test, session.features.take(test).numpy()) + 0.1


def _folder(folder: Path, config: LoopConfig) -> LoopConfig:
    folder.mkdir()
    return config


def _stopped_after(run: Slope, epochs: int, folder: Path, config: LoopConfig) -> None:
    class Stopped(Exception):
        pass

    def stop(report: object) -> None:
        if getattr(report, "epoch", 0) == epochs:
            raise Stopped

    with pytest.raises(Stopped):
        fit(run.task, config, folder, "digest", on_progress=stop, resume=False)
    assert [json.loads(line)["epoch"] for line in (folder / CURVES).read_text().splitlines()] == [0, 1, 2]


def _proxies_moved(loss: str, rate: float, folder: Path) -> float:
    """How far the proxies of a class moved in one epoch, from where the same seed put them."""
    folder.mkdir()
    config = TripletConfig(epochs=1, loss=loss, miner="none", proxy_rate=rate, validation_share=0.2)  # type: ignore[arg-type]
    TRIPLET.run(clouds(products=16), config, folder, on_progress=lambda _report: None, resume=False)
    state = torch.load(folder / "run.checkpoint", weights_only=True)["module"]
    (name,) = [name for name in state if name.startswith("criterion") and "prox" in name]
    untouched = torch.load(_untouched(loss, folder), weights_only=True)["module"][name]
    return float((state[name] - untouched).norm())


def _untouched(loss: str, folder: Path) -> Path:
    other = folder / "untouched"
    other.mkdir()
    config = TripletConfig(epochs=1, loss=loss, miner="none", proxy_rate=1e-12, validation_share=0.2)  # type: ignore[arg-type]
    TRIPLET.run(clouds(products=16), config, other, on_progress=lambda _report: None, resume=False)
    return other / "run.checkpoint"


def _found(data: object, rows: np.ndarray, vectors: np.ndarray) -> float:
    """How often the nearest other picture is of the same product."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -2)
    products = np.array(data.products)[rows]  # type: ignore[attr-defined]
    return float((products[cosines.argmax(axis=1)] == products).mean())
