"""A run that is killed goes on from its last checkpoint to the same result as one that was never disturbed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from models_registry.training.common import run_checkpoints
from models_registry.training.common.recipe_base import EpochReport
from models_registry.training.common.run_checkpoints import load_state, save_state
from models_registry.training.common.training_errors import DiskFull, Stopped
from models_registry.training.labels.label_configs import DeepRankingConfig, LoopConfig, RetrainConfig, TripletConfig
from models_registry.training.labels.recipes.deep_ranking import RECIPE as DEEP_RANKING
from models_registry.training.labels.recipes.retrain import RECIPE as RETRAIN
from models_registry.training.labels.recipes.triplet import RECIPE as TRIPLET
from tests.conftest import REPOSITORY
from tests.models_registry.training.clouds import clouds, head_of

CASES = [
    (RETRAIN, RetrainConfig(epochs=4, hidden=16, validation_share=0.2)),
    (TRIPLET, TripletConfig(epochs=4, dim=8, batches=3, validation_share=0.2)),
    (DEEP_RANKING, DeepRankingConfig(epochs=4, wide=16, dim=8, triplets=64, validation_share=0.2)),
]


KILLED = RetrainConfig(epochs=5, hidden=16, validation_share=0.2)


@pytest.mark.parametrize(("recipe", "config"), CASES)
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path: Path, recipe: object, config: LoopConfig) -> None:
    told: list[EpochReport] = []
    whole = recipe.run(clouds(), config, _folder(tmp_path, "whole"), on_progress=told.append, resume=False)  # type: ignore[attr-defined]

    def stop_at_two(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Stopped

    folder = _folder(tmp_path, "stopped")
    with pytest.raises(Stopped):
        recipe.run(clouds(), config, folder, on_progress=stop_at_two, resume=True)  # type: ignore[attr-defined]
    again: list[EpochReport] = []
    resumed = recipe.run(clouds(), config, folder, on_progress=again.append, resume=True)  # type: ignore[attr-defined]
    assert [report.values for report in again] == [report.values for report in told]
    for name, values in head_of(whole.encoder_dir).items():
        assert np.array_equal(values, head_of(resumed.encoder_dir)[name]), name
    assert resumed.metrics == whole.metrics


def test_a_killed_process_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL after an epoch; the next process ends with the weights of an undisturbed one."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    whole, killed = _folder(tmp_path, "whole"), _folder(tmp_path, "killed")
    process = _training_slowly(killed)
    deadline = time.monotonic() + 120
    while not (killed / "run.checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "encoder").exists()
    for folder in (whole, killed):
        RETRAIN.run(clouds(), KILLED, folder, on_progress=lambda _report: None, resume=True)
    for name, values in head_of(whole / "encoder").items():
        assert np.allclose(values, head_of(killed / "encoder")[name], atol=1e-6), name


def test_a_full_disk_says_so_and_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.checkpoint"
    save_state(path, {"digest": "a", "epoch": 1})

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DiskFull, match="make room and resume"):
        save_state(path, {"digest": "a", "epoch": 2})
    monkeypatch.undo()
    state = load_state(path, "a")
    assert state is not None
    assert state["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.checkpoint"]


def test_a_checkpoint_of_other_settings_or_a_damaged_one_is_not_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    save_state(path, {"digest": "a", "epoch": 1})
    assert load_state(path, "b") is None
    path.write_bytes(b"half a file")
    assert load_state(path, "a") is None
    assert run_checkpoints.load_state(tmp_path / "none", "a") is None


def test_training_stops_when_nothing_gets_better_and_keeps_the_best(tmp_path: Path) -> None:
    told: list[EpochReport] = []
    config = RetrainConfig(epochs=30, patience=2, hidden=16, validation_share=0.2)
    outcome = RETRAIN.run(clouds(), config, _folder(tmp_path, "early"), on_progress=told.append, resume=False)
    losses = {report.epoch: report.values["validation_loss"] for report in told}
    assert outcome.metrics["best_epoch"] == min(losses, key=lambda epoch: losses[epoch])
    assert outcome.metrics["epochs"] == min(30, outcome.metrics["best_epoch"] + 2)


def _folder(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name


def _training_slowly(folder: Path) -> subprocess.Popen[bytes]:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from tests.models_registry.training.test_resume import KILLED, RETRAIN, clouds\n"
        "RETRAIN.run(clouds(), KILLED, Path(sys.argv[1]), on_progress=lambda report: time.sleep(0.5), resume=True)\n"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=REPOSITORY)
