"""What can be asked about items that have just come in. Apps above this one answer; they are known by name only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.module_loading import import_string

from evalapp.core.domain.errors import InvalidInput

CHECKS = {"duplicates": "evalapp.search.services.arrivals.doubles_of"}
"""Name of a check: dotted path of a function of the catalogue's slug and the keys that came in; plain values come
back."""


def check_arrivals(name: str, slug: str, keys: Sequence[str]) -> dict[str, Any]:
    """What the check says of these items; raises InvalidInput for a check that there is not."""
    if name not in CHECKS:
        raise InvalidInput(f"There is no check {name!r}; there is {', '.join(CHECKS)}.", fields={"check": ["Unknown."]})
    check: Callable[[str, Sequence[str]], dict[str, Any]] = import_string(CHECKS[name])
    return check(slug, keys)
