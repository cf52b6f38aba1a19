"""Python programs that begin as copies of this process instead of loading everything anew.

What was loaded before lies in memory once, for this process and all its copies, as long as nobody changes it. On Linux
only: the libraries of macOS do not bear a fork.
"""

from __future__ import annotations

import atexit
import contextvars
import ctypes
import gc
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from django.db import connections

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ARGUMENTS_BEGIN, _ARGUMENTS_END = 45, 46
"""Fields of /proc/self/stat, counted from the one after the name."""


@dataclass
class Fork:
    """A copy of this process, with the part of Popen's manners that is needed."""

    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended; None while it lives."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """How it ended, within so many seconds; raises TimeoutExpired, as Popen does."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return code


def can_fork(command: Sequence[str]) -> bool:
    """Whether a command line may begin as a copy: `python … -m MODULE …` on Linux, from a process of one thread. Locks
    that other threads hold would stay locked in the copy for ever."""
    return (
        sys.platform == "linux" and "-m" in command and command[0] == sys.executable and threading.active_count() == 1
    )


def keep_for_forks() -> None:
    """Say that what is loaded now stays: the collector, which writes to all that it looks at, leaves it alone."""
    gc.collect()
    gc.freeze()


def fork_command(command: Sequence[str], *, title: str, folder: Path, prepare: Callable[[], None]) -> Fork:
    """Run the command line in a copy of this process, in a session of its own; `ps` shows the title."""
    # Nobody may write to a connection that two processes hold.
    connections.close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal that comes before the copy has handlers of its own would run ours.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            # In a context of its own: who acts here, and in which language, is this process's matter.
            os._exit(contextvars.Context().run(_live_as_copy, command, title, folder, prepare))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return Fork(pid)


def _live_as_copy(command: Sequence[str], title: str, folder: Path, prepare: Callable[[], None]) -> int:
    """The life of a copy; returns its exit code."""
    try:
        os.setsid()
        prepare()
        os.chdir(folder)
        _face_nobody()
        _show_as(title)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        code = _run_module(command)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        # What the interpreter does at its end. Left to itself it would also go through what the parent has yet to do.
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
        atexit._run_exitfuncs()  # noqa: SLF001
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _run_module(command: Sequence[str]) -> int:
    """As `python` itself would; returns the exit code."""
    module_flag = command.index("-m")
    for option, value in pairwise(command[:module_flag]):
        if option == "-W":
            action, _, message = value.partition(":")
            warnings.filterwarnings(action, message)  # type: ignore[arg-type]
    sys.argv = list(command[module_flag + 1 :])
    try:
        runpy.run_module(command[module_flag + 1], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0


def _face_nobody() -> None:
    """Standard input is empty. What a command prints is its own: with --json one document and nothing of ours."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)


def _show_as(title: str) -> None:
    """Overwrite the words that this process was called with, as far as they reach."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    begin, end = int(fields[_ARGUMENTS_BEGIN]), int(fields[_ARGUMENTS_END])
    # The last byte stays zero: otherwise Linux takes the environment for a part of the title.
    ctypes.memmove(begin, title.encode()[: end - begin - 1].ljust(end - begin, b"\0"), end - begin)
