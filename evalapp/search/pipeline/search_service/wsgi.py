"""The door of the search service: lookups by HTTP, on a socket of this machine or, signed, over the network."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django has to be ready first
from django.db import connection  # noqa: E402

from evalapp.core.domain.errors import InvalidInput, NotFound, Problem  # noqa: E402
from evalapp.search.domain.lookup_params import LookupParams  # noqa: E402
from evalapp.search.domain.search_problems import TooLarge  # noqa: E402
from evalapp.search.domain.service_address import SECONDS_HEADER, SIGNATURE_HEADER, is_signed  # noqa: E402
from evalapp.search.pipeline.search_service.served_indexes import ServedIndexes  # noqa: E402

logger = logging.getLogger(__name__)

_WORDS_BYTES = 256 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Content Too Large",
            500: "Internal Server Error", 503: "Service Unavailable"}  # fmt: skip
Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], object]


class SearchApplication:
    """WSGI: `POST /lookup`, `GET /ready`, `GET /healthz`."""

    def __init__(self, served: ServedIndexes) -> None:
        self.served = served

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        status, body = self._answer_request(environ)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if status == 503:
            headers.append(("Retry-After", "2"))
        start(f"{status} {_REASONS.get(status, 'Error')}", headers)
        return [body]

    def _answer_request(self, environ: Environ) -> tuple[int, bytes]:
        path = environ["PATH_INFO"]
        if path == "/healthz":
            return 200, b"{}"
        if path == "/ready":
            return (200 if self.served.is_ready else 503), b"{}"
        if path != "/lookup" or environ["REQUEST_METHOD"] != "POST":
            return _problem_answer(NotFound("There is nothing here."))
        try:
            return 200, self._look_up(environ)
        except Problem as problem:
            return _problem_answer(problem)
        except Exception:
            # Of what was asked, nothing is written down: it may be somebody's photo.
            logger.exception("A lookup failed.")
            return _problem_answer(Problem("Search did not work."), status=500)
        finally:
            # Few lookups read rows; those that did must not hold a connection per thread.
            if not connection.in_atomic_block:
                connection.close()

    def _look_up(self, environ: Environ) -> bytes:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        if size > settings.SEARCH_PHOTO_MB * 1_048_576 + _WORDS_BYTES:
            raise TooLarge(f"The photo has more than {settings.SEARCH_PHOTO_MB} MB, the limit.")
        message = environ["wsgi.input"].read(size)
        if settings.SEARCH_URL and not is_signed(message, environ.get(_header_variable(SIGNATURE_HEADER), "")):
            raise InvalidInput("The message is not signed by this installation.")
        try:
            params, blob = LookupParams.from_message(message)
            seconds = float(environ.get(_header_variable(SECONDS_HEADER)) or settings.SEARCH_SECONDS)
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        return self.served.answer_lookup(params, blob, seconds).to_json()


def _header_variable(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


def _problem_answer(problem: Problem, status: int | None = None) -> tuple[int, bytes]:
    error = {"code": problem.code, "message": problem.message, "fields": problem.fields}
    return status or problem.status, json.dumps({"error": error}).encode()


def start_application() -> SearchApplication:
    """The application with its thread running."""
    served = ServedIndexes()
    threading.Thread(target=served.run, name="catalogue-tail", daemon=True).start()
    return SearchApplication(served)
