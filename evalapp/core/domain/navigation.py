"""The navigation of the lab: every app says in its `AppConfig` which pages it has there.

    class ExportsConfig(AppConfig):
        lab_pages = (LabPage("Exports", "exports", order=60),)

so that a feature brings its own link, and no app has to know those above it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class LabPage:
    """A link: its words, the name of its address, its place (smaller comes first).

    `also`: other beginnings of addresses below which the visitor is still in this part, such as `/lab/studies/`.
    """

    label: str
    url_name: str
    order: int
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabLink:
    """A link as it stands on a page; `here` where the page is this one or one below it."""

    label: str
    url: str
    here: bool


def lab_links(path: str) -> list[LabLink]:
    """The links of all apps in their order, as they look from the address `path`."""
    pages = sorted(_pages_of_apps(), key=lambda page: (page.order, page.label))
    addresses = {page: reverse(page.url_name) for page in pages}
    matches = {page: _matched_length(path, (addresses[page], *page.also)) for page in pages}
    longest = max(matches.values(), default=0)
    return [LabLink(page.label, addresses[page], longest > 0 and matches[page] == longest) for page in pages]


def _pages_of_apps() -> list[LabPage]:
    return [page for config in apps.get_app_configs() for page in getattr(config, "lab_pages", ())]


def _matched_length(path: str, beginnings: tuple[str, ...]) -> int:
    """How much of the path the longest of these beginnings covers."""
    return max((len(beginning) for beginning in beginnings if path.startswith(beginning)), default=0)
