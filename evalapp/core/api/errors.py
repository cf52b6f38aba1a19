"""What all API operations share: one shape for errors."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from evalapp.core.domain.errors import Problem
from evalapp.core.domain.measures import count_refusal

logger = logging.getLogger(__name__)

_CODES = {
    exceptions.ParseError: "malformed",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "not_authenticated",
    exceptions.PermissionDenied: "forbidden",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.Throttled: "too_many_requests",
    exceptions.NotFound: "not_found",
    PermissionDenied: "forbidden",
    Http404: "not_found",
}


def explain_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every error as `{"error": {"code", "message", "fields"}}`; unknown exceptions stay server errors."""
    if isinstance(error, Problem):
        return Response(_error_body(error.code, error.message, error.fields), status=error.status)
    if isinstance(error, exceptions.ValidationError):
        return Response(
            _error_body("invalid", "Some fields are not right.", _flatten_detail(error.detail)),
            status=status.HTTP_400_BAD_REQUEST,
        )
    if isinstance(error, RecursionError):
        # The JSON parser goes one call deeper for every bracket.
        return Response(
            _error_body("malformed", "The JSON is nested too deeply.", {}), status=status.HTTP_400_BAD_REQUEST
        )
    if isinstance(error, DataError):
        # A number or a text that no column holds has come past the checks: the sender's, and nothing was written.
        logger.warning("A request was refused by the database: %s", error)
        return Response(_error_body("invalid", "A value cannot be stored.", {}), status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(error, context)
    if response is not None:
        code = next((name for kind, name in _CODES.items() if isinstance(error, kind)), "failed")
        detail = response.data.get("detail", "") if isinstance(response.data, dict) else ""
        response.data = _error_body(code, str(detail) or "That did not work.", {})
    return response


def _error_body(code: str, message: str, fields: dict[str, Any]) -> dict[str, Any]:
    count_refusal(code)
    return {"error": {"code": code, "message": message, "fields": fields}}


def _flatten_detail(detail: Any, path: str = "") -> dict[str, list[str]]:
    """`{"votes": [{"verdict": ["…"]}]}` as `{"votes.0.verdict": ["…"]}`."""
    if isinstance(detail, dict):
        parts = [_flatten_detail(value, f"{path}.{name}" if path else str(name)) for name, value in detail.items()]
    elif isinstance(detail, list) and any(isinstance(value, dict | list) for value in detail):
        parts = [_flatten_detail(value, f"{path}.{number}") for number, value in enumerate(detail) if value]
    else:
        return {path or "request": [str(value) for value in (detail if isinstance(detail, list) else [detail])]}
    return {name: messages for part in parts for name, messages in part.items()}
