"""Every request has an id, in the answer's `X-Request-ID` and in the lines that were logged for it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from evalapp.core.domain.log_format import request_id

_SENSIBLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIds:
    """The id that a proxy in front gave, if it looks like one; else a new one, which tells nothing about anybody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given_id = request.headers.get("X-Request-ID", "")
        current = given_id if _SENSIBLE.fullmatch(given_id) else uuid.uuid4().hex
        token = request_id.set(current)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response.headers["X-Request-ID"] = current
        return response
