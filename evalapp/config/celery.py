"""The Celery application; roles are started with `celery -A evalapp.config.celery worker -Q …`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_process_init, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from evalapp.config import complaints

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

app = Celery("evalapp")
# In threads too: web servers answer in them.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

try:
    _broker_is_embedded = settings.BROKER_IS_EMBEDDED
except ImproperlyConfigured as error:
    complaints.leave_with_complaint(error)
if _broker_is_embedded:
    (settings.BROKER_DIR / "messages").mkdir(parents=True, exist_ok=True)


_parent: dict[str, Any] = {}
"""The worker and its process, as a pool of processes finds them after the fork."""


@worker_init.connect
def _say_that_a_worker_lives(sender: Any, **_: Any) -> None:
    from evalapp.core.services.embedded.workers import hold_workers_lock

    hold_workers_lock(settings.VAR_DIR)
    _parent.update(worker=sender, process=os.getpid())


@worker_process_init.connect
def _take_a_share_of_the_cores(**_: Any) -> None:
    """In a pool of processes, that of each: together they would use every core as often as there are of them."""
    from models_registry.devices import share_cores

    if _parent and _parent["process"] != os.getpid():
        share_cores(int(_parent["worker"].concurrency))


_leave: list[Callable[[], None]] = []


@worker_ready.connect
def _be_seen(sender: Any, **_: Any) -> None:
    from evalapp.core.pipeline.worker_presence import announce_worker

    _leave.append(announce_worker(sender.app.amqp.queues.consume_from))


@worker_shutdown.connect
def _be_gone(**_: Any) -> None:
    for leave in _leave:
        leave()


@worker_shutting_down.connect
def _end_the_turn(**_: Any) -> None:
    from evalapp.core.pipeline.chunk_work import STOPPING

    STOPPING.set()
