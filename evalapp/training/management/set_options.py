"""`--set NAME=VALUE`, understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalapp.core.management.command_base import Usage


def settings_of(texts: Sequence[str], others: Mapping[str, Any]) -> dict[str, Any]:
    """What a call sets: the words, and options of their own that were given; raises Usage for no NAME=VALUE."""
    settings: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Usage(f"--set takes NAME=VALUE, not {text}.")
        settings[name] = value
    return {**settings, **{name: value for name, value in others.items() if value is not None}}
