"""`--set NAME=VALUE`, understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalapp.core.commands import Usage


def settings_of(words: Sequence[str], others: Mapping[str, Any]) -> dict[str, Any]:
    """What a call sets: the words, and options of their own that were given; raises Usage for no NAME=VALUE."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise Usage(f"--set takes NAME=VALUE, not {word}.")
        found[name] = value
    return {**found, **{name: value for name, value in others.items() if value is not None}}
