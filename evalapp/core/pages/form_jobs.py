"""Forms of operators: what services refuse stands at its field, what a form begins is told to the workers."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from django.forms import Field
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

    fields: dict[str, Field]

    def is_valid(self) -> bool: ...
    def begin(self) -> _Row_co: ...
    def add_error(self, field: str | None, error: str) -> None: ...


class RefusedForm(Protocol):
    """A form that can be told what is off."""

    fields: dict[str, Field]

    def add_error(self, field: str | None, error: str) -> None: ...


def refuse(form: RefusedForm, problem: Problem) -> None:
    """Say in the form what a service refused: at the field that the problem names, else for the form as a whole.

    The first field that the form has bears the whole sentence, which says what to do; others bear their own words.
    """
    at_fault = [name for name in problem.fields if name in form.fields]
    form.add_error(at_fault[0] if at_fault else None, problem.message)
    for name in at_fault[1:]:
        for words in problem.fields[name]:
            form.add_error(name, words)


def begun(request: HttpRequest, form: JobForm[_Row_co]) -> _Row_co | None:
    """What the form that was sent began; None where nothing was sent, and where the form says why not."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        row = form.begin()
    except Problem as problem:
        refuse(form, problem)
        return None
    begin(row.job)
    return row
