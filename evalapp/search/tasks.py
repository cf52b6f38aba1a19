"""Envelopes of search: what the clock asks for."""

from __future__ import annotations

from celery import shared_task

from evalapp.core.tasks import begin


@shared_task(name="search.tend")
def tend_indexes() -> None:
    """Build indexes anew whose changes have become many, and forget photos whose time is over."""
    from evalapp.search.services.kept_photos import forget_photos
    from evalapp.search.services.live_tests import forget_unanswered
    from evalapp.search.services.search_indexes import due_builds, request_build

    forget_photos()
    forget_unanswered()
    for index in due_builds():
        begin(request_build(index))
