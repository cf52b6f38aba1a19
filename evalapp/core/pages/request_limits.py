"""What no request may be, whoever sends it, refused before anything reads it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DataError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.request import MediaType

from evalapp.core.domain.errors import Problem
from evalapp.core.domain.values.charsets import is_text_charset
from evalapp.core.pages.error_pages import answer_with_error

logger = logging.getLogger(__name__)

_MEGABYTE = 1024 * 1024
_NUL = ("\x00", "%00")


class RequestLimits:
    """Middleware. Must stand behind the one that knows the user, and before the one that reads forms."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if any(nul in text for nul in _NUL for text in (request.path, request.META.get("QUERY_STRING", ""))):
            # PostgreSQL stores no NUL and ends the query with an error of its own.
            return answer_with_error(request, 400, "invalid", "An address cannot hold the character NUL.")
        if not _is_known_charset(request.META.get("CONTENT_TYPE", "")):
            return answer_with_error(request, 400, "malformed", "The character set of the request is unknown.")
        if _length_of(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and not _may_upload(request):
            # Files of a form are written to disk as they come, whoever sends them.
            return answer_with_error(request, 413, "too_large", "The request is too large.")
        if _length_of(request) > settings.UPLOAD_MB * _MEGABYTE + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            message = f"The upload is larger than {settings.UPLOAD_MB:,} MB, the limit (UPLOAD_MB)."
            return answer_with_error(request, 413, "too_large", message)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, _args: object, _words: object) -> HttpResponse | None:
        """A form with NUL is refused. The API reads its bodies itself, and checks them.

        A view's `before_form(request)`, if it has one, says first how its files are taken in.
        """
        if request.method != "POST" or request.path.startswith("/api/"):
            return None
        try:
            if callable(prepare := getattr(view, "before_form", None)):
                prepare(request)
            holds_nul = any("\x00" in text for _, texts in request.POST.lists() for text in texts)
        except UnreadablePostError as error:
            return self.process_exception(request, error)
        except Problem as problem:
            return answer_with_error(request, problem.status, problem.code, problem.message)
        if holds_nul:
            return answer_with_error(request, 400, "invalid", "A form cannot hold the character NUL.")
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A body that never came, and a value that no column holds, are the sender's failure."""
        if isinstance(exception, DataError):
            logger.warning("A request was refused by the database: %s", exception)
            return answer_with_error(request, 400, "invalid", "A value cannot be stored.")
        if isinstance(exception, UnreadablePostError):
            return answer_with_error(request, 408, "timeout", "The request did not arrive in time. Send it again.")
        return None


def _length_of(request: HttpRequest) -> int:
    length_text = request.META.get("CONTENT_LENGTH") or "0"
    return int(length_text) if length_text.isdecimal() else 0


def _may_upload(request: HttpRequest) -> bool:
    """Operators may. The API looks at a token before it reads on, so here it is enough that there is one."""
    if request.path.startswith("/api/") and request.META.get("HTTP_AUTHORIZATION"):
        return True
    return bool(request.user.is_staff)


def _is_known_charset(content_type: str) -> bool:
    name = MediaType(content_type).params.get("charset", "utf-8")
    name = name.decode("ascii", "replace") if isinstance(name, bytes) else name
    return is_text_charset(name.strip("\"'"))
