"""What stops a process before it can begin, told to a person in one line."""

from __future__ import annotations

import sys
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import InterfaceError, OperationalError, ProgrammingError

from evalapp.core.services.embedded.programs import EmbeddedPostgresError

TOLD = (ImproperlyConfigured, OperationalError, InterfaceError, ProgrammingError, EmbeddedPostgresError)
"""Errors of the surroundings, not of the product, as far as `complaint_about` knows them."""


def complaint_about(error: Exception) -> str | None:
    """One line on what is wrong and what to do; None for an error that is the product's own."""
    first_line = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, (ImproperlyConfigured, EmbeddedPostgresError)):
        return " ".join(str(error).split())
    if isinstance(error, ProgrammingError):
        if "does not exist" not in first_line:
            return None
        return f"The tables are not as this version wants them ({first_line}); run: python manage.py migrate"
    return f"The database does not answer: {first_line}"


def leave_with_complaint(error: Exception, code: int = 1) -> NoReturn:
    """End this process with its complaint, or with the error where it is the product's own."""
    line = complaint_about(error)
    if line is None:
        raise error
    print(line, file=sys.stderr)
    raise SystemExit(code) from None


def speak_to_any_terminal() -> None:
    """Letters that the terminal has not are written as escapes; no output ends in an error for them."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
