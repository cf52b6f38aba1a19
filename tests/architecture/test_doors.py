"""Every operator's job can be done in the browser, by command and over HTTP, and one service stands behind them."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

from tests.architecture.doors import EXCUSED, JOBS, Job
from tests.conftest import REPOSITORY

APPS = REPOSITORY / "evalapp"
_VERBS = re.compile(
    "add|adopt|archive|ask|begin|block|cancel|cast|change|close|copy|create|declare|delete|drop|end|export|find|flag|"
    "forget|import|keep|lift|make|merge|open|pause|promote|propose|prune|publish|register|remove|rename|request|restore|"
    "resume|return|send|set|simulate|start|switch|take|train|try|unblock|undo|withdraw|write"
)
"""How services that write begin their names."""


@cache
def views() -> dict[str, Any]:
    """The name of every address, and the function or class behind it."""

    def of(patterns: Any) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from of(pattern.url_patterns)
            elif isinstance(pattern, URLPattern) and pattern.name:
                yield pattern.name, getattr(pattern.callback, "view_class", pattern.callback)

    return dict(of(get_resolver().url_patterns))


@cache
def words_in(folder: Path) -> frozenset[str]:
    """All names in the code of a door: its folder, or its file where it is one."""
    files = folder.glob("*.py") if folder.is_dir() else [folder]
    return frozenset(word for file in files for word in re.findall(r"\w+", file.read_text(encoding="utf-8")))


def door_of(view: Any) -> Path:
    """Where the code of a page or an operation stands, with what stands beside it."""
    file = Path(str(importlib.import_module(view.__module__).__file__))
    return file.parent if file.parent.name in {"pages", "api"} else file


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.about)
def test_a_job_has_its_three_doors_and_one_service_behind_them(job: Job) -> None:
    app = get_commands()[job.command]
    command = Path(str(importlib.import_module(f"{app}.management.commands.{job.command}").__file__))
    assert job.api.startswith("api-")
    for door in (command, door_of(views()[job.api]), door_of(views()[job.page])):
        assert words_in(door) & set(job.services), f"{door} calls none of {', '.join(job.services)}"


def services() -> dict[str, str]:
    """Public functions of all services, with the file that each stands in."""
    found = {}
    for file in sorted([*APPS.glob("*/services/**/*.py"), *APPS.glob("*/services.py")]):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found[node.name] = str(file.relative_to(REPOSITORY))
    return found


def test_every_service_that_a_door_calls_is_a_job_with_three_doors_or_excused_by_name() -> None:
    rooms = ("pages/**/*.py", "pages.py", "api/**/*.py", "api.py", "management/**/*.py")
    doors = [file for room in rooms for file in APPS.glob(f"*/{room}")]
    called = frozenset().union(*(words_in(file) for file in doors))
    known = {service for job in JOBS for service in job.services} | EXCUSED
    missing = {
        name: file
        for name, file in services().items()
        if name in called and _VERBS.fullmatch(name.partition("_")[0]) and name not in known
    }
    assert missing == {}, "give it three doors in tests/architecture/doors.py, or excuse it there"


def test_no_page_of_the_lab_sends_operators_to_the_admin() -> None:
    """The bar has it for maintainers, and who did what says where their changes there are kept."""
    templates = REPOSITORY / "frontend" / "templates"
    sending = {
        str(file.relative_to(templates))
        for file in templates.rglob("*.html")
        if re.search("admin:|href=./admin/", file.read_text(encoding="utf-8"))
    }
    assert sending <= {"lab/base.html", "core/deeds.html"}


def test_no_address_is_declared_twice() -> None:
    """The second would never be reached. The admin's own sign-in page gives way to ours."""
    found = Counter(_routes(get_resolver().url_patterns))
    assert [route for route, times in found.items() if times > 1] == ["admin/login/"]


def _routes(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for one in patterns:
        route = before + str(one.pattern)
        yield from _routes(one.url_patterns, route) if isinstance(one, URLResolver) else [route]
