"""A worker says that it lives: one row, renewed while its process runs, whatever it computes."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import DatabaseError, connection

from evalapp.core.services import jobs

logger = logging.getLogger(__name__)


def own_name() -> str:
    """This process among all of a cluster."""
    return f"{socket.gethostname()}:{os.getpid()}"


def announce_worker(queues: Iterable[str]) -> Callable[[], None]:
    """Keep this process's row fresh from a thread of its own; call what comes back to end that and strike the row."""
    stop = threading.Event()
    names = ",".join(sorted(queues))

    def renew_row() -> None:
        device = _device_words(names)
        while not stop.is_set():
            try:
                jobs.see_worker(own_name(), names, device)
            except DatabaseError:
                # A database that starts again must not silence a worker that lives.
                logger.warning("The worker's row could not be renewed; trying again.")
                connection.close()
            stop.wait(settings.WORKER_BEAT_SECONDS)
        try:
            jobs.forget_workers([own_name()])
        except DatabaseError:
            logger.warning("The worker's row could not be struck; the sweep will do it.")
        connection.close()

    thread = threading.Thread(target=renew_row, name="presence", daemon=True)
    thread.start()

    def end_presence() -> None:
        stop.set()
        thread.join(timeout=5)

    return end_presence


def _device_words(queues: str) -> str:
    """What the engine computes on, asked only where there is an engine: other workers never load it."""
    if "gpu" not in queues.split(","):
        return "CPU"
    from models_registry.devices import device_in_words

    return device_in_words(settings.DEVICE)
