"""Renditions that are missing are made by workers: a visitor's request only tells them."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from threading import Lock

from celery import shared_task
from kombu.exceptions import OperationalError

from evalapp.catalog.models import Cutout, Picture
from evalapp.catalog.services.renditions import ensure_renditions

logger = logging.getLogger(__name__)

_AGAIN_AFTER = 60.0
_MOST_WAITING = 500
"""So many different pictures a process asks for in that time: who asks for many must not fill the queue."""
_asked: OrderedDict[str, float] = OrderedDict()
_asking = Lock()


@shared_task(name="catalog.draw")
def draw_renditions(pictures: list[int], cutouts: list[int]) -> None:
    """Make what is missing of these; what cannot be made is told."""
    for picture, reason in ensure_renditions(pictures, cutouts):
        logger.warning("Picture %s cannot be drawn: %s", picture, reason)


def ask_for(shown: Picture | Cutout) -> None:
    """Tell a worker that renditions of this are wanted; a lost message is sent with the next request after a minute."""
    if not _is_news(shown.public_id):
        return
    args = ([shown.pk], []) if isinstance(shown, Picture) else ([], [shown.pk])
    try:
        draw_renditions.apply_async(args, retry=False)
    except OperationalError as error:
        logger.warning("No worker can be told that a picture is missing: %s", error)


def _is_news(public_id: str) -> bool:
    now = time.monotonic()
    with _asking:
        while _asked and next(iter(_asked.values())) < now - _AGAIN_AFTER:
            _asked.popitem(last=False)
        if public_id in _asked or len(_asked) >= _MOST_WAITING:
            return False
        _asked[public_id] = now
    return True
