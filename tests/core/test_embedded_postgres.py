"""The embedded server's life, with real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from evalapp.core.services.embedded.locks import ProcessLock, is_held_alone
from tests.conftest import REPOSITORY

_USER = """
import os, sys, time
from pathlib import Path
import psycopg2
from evalapp.core.services.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
for line in sys.stdin:
    socket = server.use()
    connection = psycopg2.connect(host=socket, user="postgres", dbname="postgres")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(line)
    print(cursor.fetchone()[0] if cursor.description else "done", flush=True)
    connection.close()
"""


class User:
    """A process that uses the server and runs one statement per line."""

    def __init__(self, var: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _USER, str(var)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    def runs(self, statement: str) -> str:
        self.asks(statement)
        return self.hears()

    def asks(self, statement: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(statement + "\n")
        self.process.stdin.flush()

    def hears(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leaves(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def is_killed(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def _servers(var: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(var / "postgres") in (process.info["cmdline"] or []) and "-D" in process.info["cmdline"]
    ]


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="don-"))
    yield folder
    assert _within(20, lambda: not _servers(folder)), "the server outlived its last user"
    shutil.rmtree(folder)


def test_it_starts_with_the_first_user_and_stops_after_the_last(var: Path) -> None:
    ada, bo = User(var), User(var)
    assert ada.runs("SELECT 1") == "1"
    assert bo.runs("SELECT 2") == "2"

    ada.leaves()
    assert bo.runs("SELECT 3") == "3"
    bo.leaves()

    assert _within(20, lambda: not _servers(var))


def test_it_stops_after_a_last_user_that_was_killed(var: Path) -> None:
    ada = User(var)
    assert ada.runs("SELECT 1") == "1"

    ada.is_killed()

    assert _within(20, lambda: not _servers(var))


_KILLED_WHILE_STARTING = """
import os, signal, sys
from pathlib import Path
from evalapp.core.services.embedded.postgres import EmbeddedPostgres
start = EmbeddedPostgres.start_cluster
def start_and_die(*arguments):
    start(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
EmbeddedPostgres.start_cluster = start_and_die
EmbeddedPostgres(Path(sys.argv[1])).use()
"""


def test_it_stops_after_a_first_user_that_was_killed_while_it_started(var: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED_WHILE_STARTING, str(var)], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL

    assert _within(20, lambda: not _servers(var))


def test_a_server_whose_number_is_lost_is_stopped_all_the_same(var: Path) -> None:
    """One that has only begun has not written it yet, when its starter is killed."""
    ada = User(var)
    assert ada.runs("SELECT 1") == "1"
    (var / "postgres" / "postmaster.pid").unlink()

    ada.is_killed()

    assert _within(20, lambda: not _servers(var))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_a_server_whose_folder_was_closed_to_its_user_is_stopped_all_the_same(var: Path) -> None:
    """What tidies up temporary folders takes other people's rights away, and those of the server's user with them."""
    ada = User(var)
    assert ada.runs("SELECT 1") == "1"
    var.chmod(0o700)

    ada.is_killed()

    assert _within(20, lambda: not _servers(var))


_LISTENING_TO_FORKS = """
import ctypes, os, sys
from pathlib import Path
from evalapp.core.services.embedded.postgres import EmbeddedPostgres
heard = []
at_fork = ctypes.CFUNCTYPE(None)(lambda: heard.append(1))
assert ctypes.CDLL(None).__register_atfork(at_fork, None, None, None) == 0
server = EmbeddedPostgres(Path(sys.argv[1]))
server.use()
server.stop()
told = len(heard)
if os.fork() == 0:
    os._exit(0)
os.wait()
print(told, len(heard))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's C library to tell of forks")
def test_no_library_hears_of_a_fork_when_the_server_is_started_or_stopped(var: Path) -> None:
    """What gRPC registers for forks brings the copy down before it becomes the server."""
    words = [sys.executable, "-c", _LISTENING_TO_FORKS, str(var)]
    done = subprocess.run(words, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["0", "1"]
    assert _within(20, lambda: not _servers(var))


def test_a_guardian_takes_its_post_though_others_keep_looking_for_one(var: Path) -> None:
    """Busy machines stop a process in the very moment in which it looks."""
    looker = ProcessLock(var / "postgres.guardian")
    assert looker.try_hold_shared()
    ada = User(var)
    ada.asks("SELECT 1")
    time.sleep(2)
    looker.close()
    assert ada.hears() == "1"
    assert _within(10, lambda: is_held_alone(var / "postgres.guardian"))
    ada.leaves()
    assert _within(20, lambda: not _servers(var))


def test_what_was_written_survives_the_killing_of_the_server(var: Path) -> None:
    ada = User(var)
    ada.runs("CREATE TABLE kept (n int)")
    ada.runs("INSERT INTO kept VALUES (41)")

    for process in _servers(var):
        process.send_signal(signal.SIGKILL)
    assert _within(10, lambda: not _servers(var))

    assert ada.runs("SELECT n FROM kept") == "41"
    ada.leaves()


def test_a_newcomer_is_served_while_the_server_is_being_stopped(var: Path) -> None:
    for number in range(4):
        user = User(var)
        assert user.runs(f"SELECT {number}") == str(number)
        user.is_killed()


def test_a_pid_file_that_names_another_program_is_no_obstacle(var: Path) -> None:
    ada = User(var)
    ada.runs("SELECT 1")
    ada.leaves()
    assert _within(20, lambda: not _servers(var))
    lines = [str(os.getpid()), str(var / "postgres"), "1", "5432", str(var / "postgres"), "", "0 0", "ready"]
    (var / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")

    bo = User(var)
    assert bo.runs("SELECT 5") == "5"
    bo.leaves()


def test_a_long_path_gets_a_short_socket(var: Path) -> None:
    deep = var / ("a-very-long-folder-name-" * 5) / "var"
    ada = User(deep)

    assert ada.runs("SELECT 6") == "6"

    ada.leaves()
    assert _within(20, lambda: not _servers(deep))


def test_ten_that_come_at_once_find_one_server(var: Path) -> None:
    users = [User(var) for _ in range(10)]
    pids = {user.runs("SELECT pg_postmaster_start_time()") for user in users}

    assert len(pids) == 1
    for user in users:
        user.leaves()


def test_its_folder_is_closed_to_others(var: Path) -> None:
    ada = User(var)
    ada.runs("SELECT 1")
    assert (var / "postgres").stat().st_mode & 0o077 == 0
    ada.leaves()
