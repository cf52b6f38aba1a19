"""What an operation was asked, checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework import serializers

from evalapp.core.domain.errors import Problem


def checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The values of a bound serializer; raises ValidationError naming the fields that are not right."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@contextmanager
def with_fields_renamed(**names: str) -> Iterator[None]:
    """A service's parameters under the names that they have in the API, wherever a Problem names one."""
    try:
        yield
    except Problem as problem:
        problem.fields = {names.get(name, name): told for name, told in problem.fields.items()}
        raise
