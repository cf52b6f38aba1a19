"""How many cores a process takes."""

from __future__ import annotations

import pytest

from models_registry import devices


def test_processes_alike_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_alike", {"processes": 1})
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    assert devices.usable_cores() == 8
    for processes, cores in ((2, 4), (3, 2), (16, 1)):
        devices.share_cores(processes)
        assert devices.usable_cores() == cores
