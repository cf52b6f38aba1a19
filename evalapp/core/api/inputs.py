"""What an operation was asked, checked."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


def checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The values of a bound serializer; raises ValidationError naming the fields that are not right."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
