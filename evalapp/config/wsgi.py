"""The door for web servers."""

from __future__ import annotations

import os
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.urls import get_resolver

from evalapp.config import complaints
from evalapp.core.services.embedded.forks import keep_for_forks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

_TELLS_GUNICORN_TO_STOP = 3
"""With any other code it starts its processes again and again."""


class Request(WSGIRequest):
    """Is made in whichever character set it claims to be, so that `RequestLimits` can refuse it in words: Django reads
    the address in it while it makes the request, where a failure has nobody to answer it."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs leave it out
        except (LookupError, UnicodeError):
            self._encoding = None


class Handler(WSGIHandler):
    """Django's own, with requests of ours."""

    request_class = Request


try:
    django.setup(set_prefix=False)
    application = Handler()
    # Before a web server forks: its processes share what is loaded by then.
    _ = get_resolver().url_patterns
    keep_for_forks()
except ImproperlyConfigured as error:
    complaints.leave_with_complaint(error, _TELLS_GUNICORN_TO_STOP)
