"""A state is written whole or not at all, and what a dead writer left behind is removed in time."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from models_registry.training.common.run_checkpoints import load_state, save_state
from models_registry.training.common.training_errors import DiskFull


def test_the_last_state_of_the_same_run_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    for epoch in (1, 2):
        save_state(path, {"digest": "d", "epoch": epoch, "weights": {"a": torch.arange(3.0)}, "history": "[]"})

    state = load_state(path, "d")

    assert state is not None
    assert (state["epoch"], state["weights"]["a"].tolist(), state["history"]) == (2, [0.0, 1.0, 2.0], "[]")
    assert load_state(path, "of other data") is None
    assert load_state(tmp_path / "other.checkpoint", "d") is None
    assert [file.name for file in tmp_path.iterdir()] == ["run.checkpoint"]


def test_a_state_without_a_digest_is_nobodys(tmp_path: Path) -> None:
    torch.save({"epoch": 1}, tmp_path / "run.checkpoint")
    assert load_state(tmp_path / "run.checkpoint", "d") is None


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.EFBIG, "File too large"),
    RuntimeError("PytorchStreamWriter failed Writing file data/0"),
]
OTHER = [
    PermissionError(errno.EACCES, "Permission denied"),
    OSError("write failed"),
    RuntimeError("a tensor that cannot be kept"),
]


@pytest.mark.parametrize("leaves_a_half", [True, False])
@pytest.mark.parametrize("error", [*FULL, *OTHER])
def test_a_full_disk_is_told_in_words_and_any_other_failure_as_it_is(
    error: Exception, leaves_a_half: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.checkpoint"
    save_state(path, {"digest": "d", "epoch": 1})

    def fail(_state: object, draft: Path) -> None:
        if leaves_a_half:
            draft.write_bytes(b"half")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", fail)
        with pytest.raises(DiskFull if error in FULL else type(error)) as raised:
            save_state(path, {"digest": "d", "epoch": 2})

    if error in FULL:
        assert str(raised.value).startswith(f"The disk of {tmp_path} is full: make room and resume")
        assert raised.value.__cause__ is error
    else:
        assert raised.value is error
    state = load_state(path, "d")
    assert state is not None
    assert state["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.checkpoint"]


@pytest.mark.parametrize(("age", "kept"), [(0.0, True), (3600.0, True), (3600.5, False), (1e6, False)])
def test_drafts_of_the_same_run_are_removed_once_older_than_an_hour(
    age: float, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    names = {".run.checkpoint.77-ab.part", ".other.checkpoint.77-ab.part", "run.checkpoint.77-ab.part"}
    for name in names:
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (now - age, now - age))

    assert load_state(tmp_path / "run.checkpoint", "d") is None

    left = {file.name for file in tmp_path.iterdir()}
    assert left == (names if kept else names - {".run.checkpoint.77-ab.part"})
