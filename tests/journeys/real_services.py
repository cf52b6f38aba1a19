"""A PostgreSQL and a Redis that are real, each for one journey alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from evalapp.core.services.embedded import postgres
from evalapp.core.services.embedded.identity import as_server_user, ensure_system_user, owner_ids
from evalapp.core.services.embedded.programs import newest_version, program_folder
from tests.journeys.installation import free_port
from tests.real_database import answers

DATABASE = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextmanager
def fresh_database(template: str | None = None) -> Iterator[str]:
    """The address of a new database, empty or a copy of another; skips where no server answers."""
    if not answers(DATABASE):
        pytest.skip("no PostgreSQL answers at TEST_DATABASE_URL")
    name = f"don_{uuid.uuid4().hex[:12]}"
    copied = "" if template is None else f' TEMPLATE "{urlsplit(template).path[1:]}"'
    with closing(psycopg2.connect(DATABASE)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"{copied}')
            try:
                yield urlunsplit(urlsplit(DATABASE)._replace(path=f"/{name}"))
            finally:
                cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass
class Postgres:
    """A server of our own that can be cut off and started again, with what was committed."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """An empty cluster; as root it belongs to the user that PostgreSQL runs as."""
        if os.geteuid() == 0:
            ensure_system_user()
            postgres._let_through(self.folder)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        os.chown(data, *owner_ids())
        done = self._run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        assert done.wait() == 0, "initdb failed"

    def start(self) -> None:
        """Start, and return when it answers."""
        words = ["-p", str(self.port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off", "-c", "max_connections=100"]
        self.process = self._run("postgres", "-D", str(self.folder / "data"), *words)
        deadline = time.monotonic() + 60
        while not answers(self.url):
            assert self.process.poll() is None, "PostgreSQL does not start"
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.1)

    def cut_off(self) -> None:
        """End it without a good-bye to anybody; what was committed is recovered at the next start."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            as_server_user([str(program_folder(newest_version()) / program), *words]),
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def private_postgres() -> Iterator[Postgres]:
    """A PostgreSQL for the length of the block, from the programs that come with the product.

    Not below pytest's own folder: every pytest that begins closes that to other users again.
    """
    with tempfile.TemporaryDirectory(prefix="don-postgres-") as folder:
        server = Postgres(Path(folder), free_port())
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.cut_off()


@dataclass
class Redis:
    """A server of our own that keeps nothing on disk: when it starts again, every message is gone."""

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and return when it answers."""
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [self.program, *words, "--dir", str(self.folder), "--loglevel", "warning"], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while subprocess.run([self._client, "-p", str(self.port), "ping"], capture_output=True).returncode:
            assert self.process.poll() is None, "redis-server does not start"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def _client(self) -> str:
        return str(Path(self.program).with_name("redis-cli"))


@contextmanager
def private_redis(folder: Path) -> Iterator[Redis]:
    """A Redis for the length of the block; skips where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    server = Redis(program, folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
