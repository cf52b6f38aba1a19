"""Whoever sent a request is who did what its services do."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from evalapp.core.services.deeds import API, PAGE, acting


class ActingUser:
    """Names the signed-in user; of the API's requests the owner of the token, whom it finds after this."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # `get_username` of nobody is an empty text.
        with acting(lambda: str(request.user.get_username()), API if request.path.startswith("/api/") else PAGE):
            return self.get_response(request)
