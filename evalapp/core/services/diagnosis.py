"""What is embedded, what is reachable, what is missing: looked at for the command, the page and the API."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core import checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from evalapp.core.domain.optional_packages import words_for_missing
from evalapp.core.domain.software import software_line
from evalapp.core.services.embedded.workers import worker_is_alive
from evalapp.core.services.sql_functions import stale_sql_functions
from models_registry.versions import engine_summary


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. Only what is not `ok` and `needed` makes the command fail."""

    about: str
    ok: bool
    text: str
    needed: bool = True


def gather_findings(*, engine: bool = True) -> list[Finding]:
    """Everything that was looked at; without `engine` nothing loads it, as web processes must not."""
    probed = [_run_probe(name, probe) for name, probe in _PROBES.items() if engine or name != "engine"]
    return probed + [
        Finding(message.id or "check", message.level < checks.ERROR, f"{message.msg} {message.hint or ''}".strip())
        for message in checks.run_checks(include_deployment_checks=False)
    ]


def _run_probe(name: str, probe: Callable[[], Finding]) -> Finding:
    try:
        return probe()
    except Exception as error:
        # A doctor must survive whatever the patient has.
        return Finding(name, False, " ".join(str(error).split())[:300])


def _probe_software() -> Finding:
    return Finding("software", True, f"Dope or Nope {software_line()}")


def _probe_database() -> Finding:
    location = "DATABASE_URL" if settings.DATABASE_URL else f"embedded in {settings.VAR_DIR}"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return Finding("database", True, f"PostgreSQL {version}, {location}")


def _probe_migrations() -> Finding:
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    text = f"{waiting} to apply: python manage.py migrate" if waiting else "all applied"
    return Finding("tables", not waiting, text)


def _probe_functions() -> Finding:
    stale = ", ".join(function.name for function in stale_sql_functions())
    text = f"not as in the files: {stale}; python manage.py migrate installs them" if stale else "as in the files"
    return Finding("functions", not stale, text)


def _probe_broker() -> Finding:
    if settings.BROKER_IS_EMBEDDED:
        return Finding("broker", True, f"a folder, {settings.BROKER_DIR}; set CELERY_BROKER_URL for a cluster")
    from celery import current_app

    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=3)
        return Finding("broker", True, broker.as_uri())


def _probe_workers() -> Finding:
    if settings.BROKER_IS_EMBEDDED:
        alive = worker_is_alive(settings.VAR_DIR)
        text = "running on this machine" if alive else "none; serve starts them, and so does --wait"
        return Finding("workers", alive, text, needed=False)
    from celery import current_app

    answers = current_app.control.ping(timeout=2)
    return Finding("workers", bool(answers), f"{len(answers)} answer" if answers else "none answers", needed=False)


def _probe_files() -> Finding:
    name = default_storage.save("doctor/probe", ContentFile(b"probe"))
    default_storage.delete(name)
    free = shutil.disk_usage(settings.VAR_DIR).free / 1e9
    return Finding("files", True, f"{settings.MEDIA_ROOT} can be written; {free:.0f} GB free")


def _probe_engine() -> Finding:
    try:
        return Finding("engine", True, engine_summary())
    except ModuleNotFoundError as missing:
        # A machine that serves pages needs no engine; a worker without one says so with every job.
        return Finding(
            "engine", False, f"{words_for_missing(missing)} (workers need it, web machines do not)", needed=False
        )


_PROBES: dict[str, Callable[[], Finding]] = {
    "software": _probe_software,
    "database": _probe_database,
    "tables": _probe_migrations,
    "functions": _probe_functions,
    "broker": _probe_broker,
    "workers": _probe_workers,
    "files": _probe_files,
    "engine": _probe_engine,
}
