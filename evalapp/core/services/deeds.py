"""Who did what, on what, when: written in one place, by the services that operators' doors call.

    @recorded("closed", "study {study}")
    def close_study(study: Study) -> None: ...

The doors say who is acting: the middleware for pages and the API, the base class for commands. Nobody is named where
the product acts by itself, as a worker does by the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, transaction

from evalapp.core.domain.errors import Problem
from evalapp.core.models import LONGEST_DEED, LONGEST_WHO, Deed

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Words = str | Callable[[Mapping[str, Any]], str]

COMMAND, PAGE, API, ITSELF = "command", "page", "API", "itself"

_name: ContextVar[Callable[[], str]] = ContextVar("name", default=lambda: "")
_door: ContextVar[str] = ContextVar("door", default=ITSELF)
_inside: ContextVar[bool] = ContextVar("inside", default=False)


@contextmanager
def acting(name: Callable[[], str], door: str) -> Iterator[None]:
    """What is done within is done by whom `name` returns by then, through this door.

    A function, since the API learns only late whose token it was given.
    """
    name_token, door_token = _name.set(name), _door.set(door)
    try:
        yield
    finally:
        _name.reset(name_token)
        _door.reset(door_token)


def recorded(
    what: str, target: _Words, detail: _Words = "", *, piecewise: bool = False
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Write a deed for every call that succeeds, in one transaction with what it does.

    `target` and `detail` are formatted with the service's arguments by their names, `detail` also with its `result`; or
    they are functions of these. Of services that call each other the outermost is written down. `piecewise`: the
    service writes in transactions of its own, and what it had done when it was stopped stays; then it is written down
    that it was stopped.
    """

    def decorate(service: Callable[_P, _R]) -> Callable[_P, _R]:
        parameters = signature(service)

        @wraps(service)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            if _inside.get():
                return service(*args, **kwargs)
            bound = parameters.bind(*args, **kwargs)
            bound.apply_defaults()
            # Before the call: what is deleted has no name afterwards.
            about = _fill_words(target, bound.arguments)
            whole: AbstractContextManager[object] = nullcontext() if piecewise else transaction.atomic()
            with whole:
                try:
                    with unrecorded():
                        result = service(*args, **kwargs)
                except Problem:
                    raise
                except BaseException as stopped:
                    if piecewise:
                        _write_stop(what, about, stopped)
                    raise
                _write_deed(what, about, _fill_words(detail, {**bound.arguments, "result": result}))
            return result

        call.records = what  # type: ignore[attr-defined]
        return call

    return decorate


@contextmanager
def unrecorded() -> Iterator[None]:
    """For what visitors do with what is their own: no line about it is kept."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def _fill_words(words: _Words, values: Mapping[str, Any]) -> str:
    return words.format(**values) if isinstance(words, str) else words(values)


def _write_stop(what: str, target: str, stopped: BaseException) -> None:
    # It may be the database that stopped it; what happened is told, not that it could not be written down.
    with suppress(DatabaseError):
        _write_deed(what, target, f"Stopped before its end: {type(stopped).__name__}.")


def _write_deed(what: str, target: str, detail: str) -> None:
    Deed.objects.create(
        who=_name.get()()[:LONGEST_WHO],
        door=_door.get(),
        what=what,
        target=target[:LONGEST_DEED],
        detail=detail.strip()[:LONGEST_DEED],
    )
