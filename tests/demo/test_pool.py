"""Work shared out to processes comes back in order, and no process outlives its parent."""

import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from evalapp.demo.pool import in_order

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks(processes: int) -> None:
    assert list(in_order(math.factorial, range(12), processes)) == [math.factorial(n) for n in range(12)]


def test_a_closed_pool_leaves_no_process() -> None:
    of_others = set(multiprocessing.active_children())
    with closing(in_order(math.factorial, range(100), 2)) as results:
        assert next(results) == 1
        assert set(multiprocessing.active_children()) - of_others
    assert not set(multiprocessing.active_children()) - of_others


def test_workers_go_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
import math, multiprocessing, os, signal
from pathlib import Path
from evalapp.demo.pool import in_order
if __name__ == "__main__":
    for _ in in_order(math.factorial, range(50), 2):
        pids = [str(child.pid) for child in multiprocessing.active_children()]
        Path({str(tmp_path / "pids")!r}).write_text(" ".join(pids))
        os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / "parent.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    killed = subprocess.run([sys.executable, tmp_path / "parent.py"], env=environment, cwd=tmp_path)
    assert killed.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert pids
    patience = time.monotonic() + 30
    while any(_runs(pid) for pid in pids) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    """Whether a process works still; a dead one that nobody has collected yet does not count."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
