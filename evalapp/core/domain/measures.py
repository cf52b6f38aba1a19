"""Numbers for those who watch an installation, without a word on how they are sent."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measure:
    """One number under a name and labels. An app offers a function of such as `measures` of its AppConfig, by path."""

    name: str
    about: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


_refused: Counter[str] = Counter()


def count_refusal(code: str) -> None:
    """Remember that a request was answered with an error of this code."""
    _refused[code] += 1


def refusal_measures() -> list[Measure]:
    """What this process refused since it began; with several, whoever collects meets now one and now another."""
    process = str(os.getpid())
    about = "Requests to the API that this process answered with an error, by its code."
    return [
        Measure("dopeornope_refusals", about, count, {"code": code, "process": process})
        for code, count in sorted(_refused.items())
    ]
