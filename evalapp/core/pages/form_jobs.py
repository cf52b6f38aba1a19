"""Forms that begin a job: what they refuse stands in the form, what they begin is told to the workers."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from django.http import HttpRequest

from evalapp.core.domain.errors import Problem
from evalapp.core.models import Job
from evalapp.core.tasks import begin


class WithJob(Protocol):
    """A row with the job that works on it."""

    job: Job | None


_Row_co = TypeVar("_Row_co", bound=WithJob, covariant=True)


class JobForm(Protocol, Generic[_Row_co]):
    """A form whose `begin` makes the row and its job; it may raise Problem."""

    def is_valid(self) -> bool: ...
    def begin(self) -> _Row_co: ...
    def add_error(self, field: str | None, error: str) -> None: ...


def begun(request: HttpRequest, form: JobForm[_Row_co]) -> _Row_co | None:
    """What the form that was sent began; None where nothing was sent, and where the form says why not."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        row = form.begin()
    except Problem as problem:
        form.add_error(None, problem.message)
        return None
    begin(row.job)
    return row
