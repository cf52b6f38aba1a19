"""What a worker does when its pool has begun."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from evalapp.config import celery
from models_registry import devices


@pytest.mark.parametrize(("fork", "share"), [(0, 1), (1, 4)])
def test_only_processes_of_a_pool_share_the_cores(monkeypatch: pytest.MonkeyPatch, fork: int, share: int) -> None:
    monkeypatch.setattr(devices, "_alike", {"processes": 1})
    parent = {"worker": SimpleNamespace(concurrency=4), "process": os.getpid() + fork}
    monkeypatch.setattr(celery, "_parent", parent)
    celery._take_a_share_of_the_cores()
    assert devices._alike["processes"] == share
