from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from evalapp.core.services.embedded.locks import ProcessLock, is_held, is_held_alone
from tests.conftest import REPOSITORY

_HOLDER = """
import sys
from pathlib import Path
from evalapp.core.services.embedded.locks import ProcessLock
lock = ProcessLock(Path(sys.argv[1]))
lock.hold_shared()
print("held", flush=True)
sys.stdin.read()
"""


def _hold(path: Path) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_nobody_holds_a_lock_that_was_never_made(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")


def test_two_may_share_but_then_nobody_owns(tmp_path: Path) -> None:
    first, second, third = (ProcessLock(tmp_path / "lock") for _ in range(3))
    first.hold_shared()
    second.hold_shared()

    assert not third.try_hold_alone()
    first.close()
    second.close()
    assert third.try_hold_alone()
    third.close()


def test_a_process_killed_with_sigkill_lets_go(tmp_path: Path) -> None:
    holder = _hold(tmp_path / "lock")
    assert is_held(tmp_path / "lock")

    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    assert not is_held(tmp_path / "lock")


def test_who_only_looks_or_shares_does_not_hold_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held_alone(path)
    lock = ProcessLock(path)
    assert lock.try_hold_shared()
    assert not is_held_alone(path)
    assert lock.try_hold_alone()
    assert is_held_alone(path)
    assert not ProcessLock(path).try_hold_shared()
    lock.close()
    assert not is_held_alone(path)
