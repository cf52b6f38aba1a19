"""A PostgreSQL and a web server of our own, for benchmarks and journeys that load, kill and restart them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg2

from evalapp.core.services.embedded.postgres import EmbeddedPostgres

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Database:
    """A cluster in a folder of its own, reached over its socket; nobody restarts it but us."""

    folder: Path

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgresql://postgres@{quote(str(self._server.socket_folder), safe='')}/postgres"

    @property
    def _server(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.folder)

    def start(self) -> None:
        """Make it if it is not there, start it, and return when it answers."""
        self._server._start_server()

    @property
    def pid(self) -> int:
        """Of the process all others stem from."""
        return int((self._server.data_folder / "postmaster.pid").read_text().splitlines()[0])

    def kill(self) -> None:
        """As a power cut would: no process of it is left, and nothing was said to anybody."""
        pid = self.pid
        children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
        for one in [pid, *map(int, children)]:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.02)

    def is_running(self) -> bool:
        """Whether it answers."""
        return self._server.is_accepting()

    def stop(self) -> None:
        """Stop it, if it runs."""
        self._server.stop()

    def connect(self) -> psycopg2.extensions.connection:
        """A connection beside Django's."""
        return psycopg2.connect(self.url)


@dataclass
class Web:
    """gunicorn with the product, or with another application of its settings."""

    port: int
    environment: dict[str, str]
    workers: int = 2
    application: str = "evalapp.config.wsgi"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers; AssertionError with its last words where it ends instead."""
        command = [
            sys.executable, "-m", "gunicorn", self.application, "--bind", f"127.0.0.1:{self.port}",
            "--worker-class", "evalapp.core.services.web_server.BufferingWorker", "--workers", str(self.workers),
            "--threads", "8", "--no-control-socket", "--log-level", "error",
            "--keep-alive", "60", "--graceful-timeout", "1",
        ]  # fmt: skip
        environment = {**os.environ, **self.environment}
        deadline = time.monotonic() + 60
        with tempfile.TemporaryFile() as said:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=environment, stderr=said, start_new_session=True
            )
            while not self._answers():
                assert self.process.poll() is None, f"the web server has ended: {_last_of(said)}"
                assert time.monotonic() < deadline, f"the web server does not answer: {_last_of(said)}"
                time.sleep(0.1)

    def kill_a_worker(self) -> None:
        """One of its processes dies in the middle of what it does."""
        assert self.process is not None
        words = ["pgrep", "-P", str(self.process.pid)]
        for pid in subprocess.run(words, capture_output=True, text=True).stdout.split()[:1]:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue

    def restart(self) -> None:
        """All of it is killed at once, and started again."""
        assert self.process is not None
        # The group, not one after the other: a worker that was left over would keep the port.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.start()

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except (OSError, urllib.error.URLError):
            return False


def _last_of(said: IO[bytes]) -> str:
    # The position is shared with whoever writes: a read at an offset leaves it where it is.
    return os.pread(said.fileno(), 10**6, 0).decode(errors="replace")[-1000:]
