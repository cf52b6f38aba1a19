"""`manage.py doctor`: what is embedded, what is reachable, what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import Failed
from evalapp.core.embedded.workers import worker_is_alive
from models_registry.versions import engine_summary


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. Only what is not `ok` and `needed` makes the command fail."""

    about: str
    ok: bool
    text: str
    needed: bool = True


class Command(BaseCommand):
    help = "Say what is embedded, what is reachable and what is missing."
    offers_json = True

    def run(self, **options: Any) -> Any:
        findings = [_safely(name, probe) for name, probe in _PROBES.items()]
        findings += [
            Finding(message.id or "check", message.level < checks.ERROR, f"{message.msg} {message.hint or ''}".strip())
            for message in checks.run_checks(include_deployment_checks=False)
        ]
        for finding in findings:
            mark = "ok " if finding.ok else "!! " if finding.needed else "-- "
            self.say(f"{mark} {finding.about:14} {finding.text}")
        wrong = [finding.about for finding in findings if finding.needed and not finding.ok]
        if wrong and not self.json:
            raise Failed(f"Not in order: {', '.join(wrong)}.")
        return {"ok": not wrong, "findings": [asdict(finding) for finding in findings]}


def _safely(name: str, probe: Callable[[], Finding]) -> Finding:
    try:
        return probe()
    except Exception as error:
        # A doctor must survive whatever the patient has.
        return Finding(name, False, " ".join(str(error).split())[:300])


def _database() -> Finding:
    where = "DATABASE_URL" if settings.DATABASE_URL else f"embedded in {settings.VAR_DIR}"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return Finding("database", True, f"PostgreSQL {version}, {where}")


def _migrations() -> Finding:
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    text = f"{waiting} to apply: python manage.py migrate" if waiting else "all applied"
    return Finding("tables", not waiting, text)


def _broker() -> Finding:
    if settings.BROKER_IS_EMBEDDED:
        return Finding("broker", True, f"a folder, {settings.BROKER_DIR}; set CELERY_BROKER_URL for a cluster")
    from celery import current_app

    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=3)
        return Finding("broker", True, broker.as_uri())


def _workers() -> Finding:
    if settings.BROKER_IS_EMBEDDED:
        alive = worker_is_alive(settings.VAR_DIR)
        text = "running on this machine" if alive else "none; serve starts them, and so does --wait"
        return Finding("workers", alive, text, needed=False)
    from celery import current_app

    found = current_app.control.ping(timeout=2)
    return Finding("workers", bool(found), f"{len(found)} answer" if found else "none answers", needed=False)


def _files() -> Finding:
    name = default_storage.save("doctor/probe", ContentFile(b"probe"))
    default_storage.delete(name)
    free = shutil.disk_usage(settings.VAR_DIR).free / 1e9
    return Finding("files", True, f"{settings.MEDIA_ROOT} can be written; {free:.0f} GB free")


def _engine() -> Finding:
    return Finding("engine", True, engine_summary())


_PROBES: dict[str, Callable[[], Finding]] = {
    "database": _database,
    "tables": _migrations,
    "broker": _broker,
    "workers": _workers,
    "files": _files,
    "engine": _engine,
}
