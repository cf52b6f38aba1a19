"""What an operation was asked, checked."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


def checked(words: serializers.Serializer[Any]) -> dict[str, Any]:
    """The values of a bound serializer; raises ValidationError naming the fields that are not right."""
    words.is_valid(raise_exception=True)
    return dict(words.validated_data)
