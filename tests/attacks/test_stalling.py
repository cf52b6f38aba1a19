"""Sixty-four connections that stall or drip keep nobody waiting: real HTTP, so it runs beside the tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.attacks import IS_WHOLE
from tests.benchmarks.bench_voting import REPOSITORY

pytestmark = pytest.mark.journey


def test_people_and_probes_are_answered_beside_stalled_connections() -> None:
    """Within the suite that everybody is answered at all; how long they wait is measured at full length."""
    words = ["tests/benchmarks/bench_stalled.py", *([] if IS_WHOLE else ["--quick"])]
    ended = subprocess.run([sys.executable, *words], cwd=REPOSITORY, capture_output=True, text=True, timeout=540)
    print(ended.stdout)
    assert "slowest probe meanwhile" in ended.stdout, ended.stderr[-2000:]
    assert not IS_WHOLE or ended.returncode == 0, ended.stdout
