"""Processes of this machine: started together, watched, and ended together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from evalapp.core.services.embedded.forks import Fork, can_fork, fork_command
from evalapp.core.services.embedded.locks import ProcessLock, is_held

REPOSITORY = Path(__file__).resolve().parents[4]
_STANDARD_ERROR = 2
_PATIENCE = 8.0
"""Seconds that a process gets to end by itself: a worker finishes the chunk that it is at."""
_STILL_STARTING = 5.0
"""A process that ends within so many seconds of its start, again and again, will not start at all."""

_PR_SET_PDEATHSIG = 1
_BOUND_TO_PARENT = f"""
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit()
os.execv(sys.argv[2], sys.argv[2:])
"""
"""A program in between, since what `subprocess` calls before a program begins needs a fork (see `identity`)."""

_held: list[ProcessLock] = []


def workers_lock(var: Path) -> Path:
    """Shared by every living worker of this installation."""
    return var / "workers.lock"


def hold_workers_lock(var: Path) -> None:
    """Say that this process is a worker, for as long as it lives."""
    lock = ProcessLock(workers_lock(var))
    lock.hold_shared()
    _held.append(lock)


def worker_is_alive(var: Path) -> bool:
    """Whether a worker runs on this machine."""
    return is_held(workers_lock(var))


def celery_command(*arguments: str) -> list[str]:
    """The command line of a Celery role."""
    # As root on one's own machine there is nothing to be warned of: messages are JSON, never pickles.
    hush = "ignore:You're running the worker with superuser privileges"
    return [sys.executable, "-W", hush, "-m", "celery", "--quiet", "--app", "evalapp.config.celery", *arguments]


def worker_command(*queues: str) -> list[str]:
    """A worker of one process that takes one message at a time: where CUDA is in use, nothing is forked."""
    return celery_command(
        "worker", "--pool", "solo", "--queues", ",".join(queues), "--hostname", f"{queues[0]}@%h",
        "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
    )  # fmt: skip


@dataclass
class Crew:
    """A few processes that live and die with this one. With `shares_memory` they are copies of it where that can be."""

    roles: dict[str, Sequence[str]]
    notice: Callable[[str], None] = field(default=lambda _text: None)
    shares_memory: bool = False
    _running: dict[str, subprocess.Popen[bytes] | Fork] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    _short_lives: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Start what does not run."""
        for role in self.roles:
            if role not in self._running:
                self._start_role(role)

    def watch(self) -> None:
        """Start again what died. A role that cannot live for some seconds three times over ends the crew."""
        for role, process in list(self._running.items()):
            if process.poll() is None:
                continue
            short = time.monotonic() - self._started[role] < _STILL_STARTING
            self._short_lives[role] = self._short_lives.get(role, 0) + 1 if short else 0
            if self._short_lives[role] >= 3:
                raise RuntimeError(f"{role} does not start (exit code {process.returncode}).")
            self.notice(f"{role} ended with code {process.returncode}; starting it again.")
            self._start_role(role)

    def stop(self) -> None:
        """End all: politely, then firmly."""
        for sign, patience in ((signal.SIGTERM, _PATIENCE), (signal.SIGKILL, 2.0)):
            for process in self._running.values():
                if process.poll() is None:
                    # The whole group: a web server has workers of its own.
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, sign)
            deadline = time.monotonic() + patience
            for process in self._running.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
        self._running.clear()

    def _start_role(self, role: str) -> None:
        command = self.roles[role]
        self._started[role] = time.monotonic()
        # A group of its own for each: Ctrl-C in the terminal reaches only this process, which ends the others in order.
        if self.shares_memory and can_fork(command):
            self._running[role] = fork_command(
                command, title=_process_title(command), folder=REPOSITORY, prepare=_die_with_parent
            )
            return
        self._running[role] = subprocess.Popen(  # noqa: S603 - command lines of ours
            _ended_with_this_process(command),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            # What a command prints is its own: with --json one document and nothing of a worker's.
            stdout=_STANDARD_ERROR,
            start_new_session=True,
        )


def _process_title(command: Sequence[str]) -> str:
    """Program and role, short enough for the place that the words of `manage.py serve` took."""
    program = command[command.index("-m") + 1]
    hostnames = [word.partition("%")[0] for option, word in pairwise(command) if option == "--hostname"]
    return " ".join([program, *hostnames, *({"beat", "evalapp.config.wsgi"} & set(command))])


@contextmanager
def running_crew(roles: dict[str, Sequence[str]]) -> Iterator[Crew]:
    """A crew for the length of the block."""
    people = Crew(roles)
    people.start()
    try:
        yield people
    finally:
        people.stop()


def _ended_with_this_process(command: Sequence[str]) -> list[str]:
    """Linux: the kernel ends the process when this one dies, even by SIGKILL."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT, str(os.getpid()), *command]


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """Linux: the kernel ends this process when its parent dies, even by SIGKILL."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
