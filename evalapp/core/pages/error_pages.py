"""Answers to requests that no operation took: JSON below `/api/`, as programs are promised, else a page."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseServerError, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.urls import Resolver404, resolve
from django.views import defaults

API = "/api/"


def answer_with_error(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    """One line for a person, and for programs the same shape as every other error of the API."""
    if request.path.startswith(API):
        return error_document(status, code, message)
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")


def error_document(status: int, code: str, message: str) -> JsonResponse:
    """An error of the API without fields."""
    return JsonResponse({"error": {"code": code, "message": message, "fields": {}}}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: what Django itself refuses, such as a body with too many fields."""
    if request.path.startswith(API):
        return error_document(400, "malformed", "The request cannot be read.")
    if isinstance(exception, DisallowedHost):
        # The page would say where it is, and fail over the same name.
        return HttpResponseBadRequest(get_template("400.html").render())
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    if request.path.startswith(API):
        return error_document(403, "forbidden", "This is not for you.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """404."""
    if request.path.startswith(API):
        return error_document(404, "not_found", "There is nothing at this address.")
    return render(request, "404.html", {"in_lab": _in_lab(request)}, status=404)


class FormAddresses:
    """Middleware: who opens an address that takes forms only is led to the page that has the form.

    People come there by signing in again after their session ended with a form half filled, or by reloading.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if answer.status_code != 405 or request.method != "GET" or request.path.startswith(API):
            return answer
        context = {"in_lab": _in_lab(request), "page": page_above(request.path)}
        page = render(request, "405.html", context, status=405)
        page["Allow"] = answer.get("Allow", "POST")
        return page


def page_above(path: str) -> str:
    """The nearest address above a path that leads somewhere; the home page at last."""
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            resolve(path)
        except Resolver404:
            continue
        return path
    return "/"


def server_error(request: HttpRequest) -> HttpResponse:
    """500: the fault is ours and stands in the log."""
    if request.path.startswith(API):
        return error_document(500, "server_error", "Something broke on our side. It was noted; try again later.")
    # Without what pages usually know: it may be what broke.
    return HttpResponseServerError(get_template("500.html").render({"in_lab": _in_lab(request)}))


def _in_lab(request: HttpRequest) -> bool:
    """Whether an operator is told, who has another way back."""
    return request.path.startswith("/lab/")
