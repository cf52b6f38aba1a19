"""What waits for an operator. Each app says so for its own things; none has to know those above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.module_loading import import_string

SOURCES = (
    "evalapp.core.queries.failed_jobs",
    "evalapp.studies.queries.attention.of_studies",
    "evalapp.leaderboard.queries.decided_studies",
    "evalapp.voting.queries.voter_attention.of_voters",
)
"""Dotted paths of functions that list matters: apps above this one are known by name only."""


@dataclass(frozen=True, slots=True)
class Matter:
    """Something to look at: what it is in a line, and the name and arguments of the page where it is seen to."""

    text: str
    url_name: str
    about: tuple[int | str, ...]
    urgent: bool = False

    @property
    def url(self) -> str:
        """The address of that page."""
        return reverse(self.url_name, args=self.about)


def waiting_matters() -> Iterator[Matter]:
    """All that waits, the urgent first."""
    all_matters = [matter for source in SOURCES for matter in import_string(source)()]
    return iter(sorted(all_matters, key=lambda matter: not matter.urgent))
