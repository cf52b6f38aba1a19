"""What machines ask that watch this one: `/livez`, `/readyz`, and `/healthz` of before."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)
_BROKER_SECONDS = 2


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 while the database answers; the error of the database is logged, not shown."""
    _ask_database()
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def livez(_request: HttpRequest) -> HttpResponse:
    """200 while this process answers at all. It asks nobody: a database that blinks must not restart what is well."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 if requests can be answered: database, tables and broker; else 503, and which of them is not well.

    The reasons are logged and not shown: anybody may ask.
    """
    wellness = {name: _is_well(name, ask) for name, ask in _ASKED.items()}
    ready = all(wellness.values())
    document = {"ready": ready, **{name: "ok" if well else "failed" for name, well in wellness.items()}}
    return JsonResponse(document, status=200 if ready else 503)


def _is_well(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except Exception as error:
        # Whatever is the matter, the question is whether all is well.
        logger.warning("Not ready, %s: %s", name, " ".join(str(error).split())[:300])
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_tables() -> None:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise RuntimeError(f"{len(waiting)} migrations are to be applied")


def _ask_broker() -> None:
    if settings.BROKER_IS_EMBEDDED:
        messages = settings.BROKER_DIR / "messages"
        if not os.access(messages, os.W_OK):
            raise RuntimeError(f"{messages} cannot be written")
        return
    from celery import current_app

    with current_app.connection_for_write(connect_timeout=_BROKER_SECONDS) as broker:
        broker.ensure_connection(max_retries=1, timeout=_BROKER_SECONDS)


_ASKED: dict[str, Callable[[], None]] = {"database": _ask_database, "migrations": _ask_tables, "broker": _ask_broker}
