"""What one person is told stays out of caches that others can look into."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from evalapp.core.pages.error_pages import API


class PrivateAnswers:
    """Middleware. Answers of the API, and whatever a signed-in user sees, are kept by nobody unless they say so
    themselves. Must stand behind the one that knows the user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if "Cache-Control" not in response and (request.path.startswith(API) or request.user.is_authenticated):
            response["Cache-Control"] = "private, no-store"
        return response
