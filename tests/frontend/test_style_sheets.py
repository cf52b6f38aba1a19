"""Style sheets say a thing once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from evalapp.core.domain.style_sheets import SHEETS as SHEETS_OF_PAGES

FRONTEND = Path(__file__).parents[2] / "frontend"
SHEETS = sorted((FRONTEND / "static" / "css").rglob("*.css"))
TEMPLATES = FRONTEND / "templates"
PAGES = [path for path in sorted(TEMPLATES.rglob("*.html")) if "{% extends" in path.read_text(encoding="utf-8")]


def said_twice(sheet: str) -> list[str]:
    """Rules that stand twice, word for word; under another condition they are indented deeper, and others."""
    rules = re.findall(r"^ *[^\n{}@]+\{[^{}]*\}", sheet, re.MULTILINE)
    return [rule for rule, count in Counter(rules).items() if count > 1]


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_no_rule_stands_twice(path: Path) -> None:
    assert said_twice(path.read_text(encoding="utf-8")) == []


def test_a_rule_that_stands_twice_is_found() -> None:
    assert said_twice("  .a {\n    top: 0;\n  }\n\n  .a {\n    top: 0;\n  }\n") == ["  .a {\n    top: 0;\n  }"]


def sheets_of(template: str) -> set[str]:
    """The style sheets that a page loads, by itself and by what it extends."""
    source = (TEMPLATES / template).read_text(encoding="utf-8")
    above = re.search(r'\{% extends "([^"]+)"', source)
    together = {f"{name}.css" for page in re.findall(r'page_styles "(\w+)"', source) for name in SHEETS_OF_PAGES[page]}
    own = set(re.findall(r"css/([\w/-]+\.css)", source))
    return own | together | (sheets_of(above[1]) if above else set())


def classes_of(template: str) -> set[str]:
    """The classes in a page and in what it includes."""
    source = (TEMPLATES / template).read_text(encoding="utf-8")
    found = {name for names in re.findall(r'class="([^"{%]*)', source) for name in names.split()}
    return found.union(*(classes_of(part) for part in re.findall(r'\{% include "([^"]+\.html)"', source)))


DEFINED_IN: dict[str, set[str]] = {}
for _sheet in SHEETS:
    for _name in re.findall(r"\.([a-z][\w-]*)", _sheet.read_text(encoding="utf-8")):
        DEFINED_IN.setdefault(_name, set()).add(_sheet.relative_to(FRONTEND / "static" / "css").as_posix())


@pytest.mark.parametrize("page", [path.relative_to(TEMPLATES).as_posix() for path in PAGES])
def test_every_page_loads_the_sheets_that_its_classes_stand_in(page: str) -> None:
    loaded = sheets_of(page)
    plain = {name: DEFINED_IN[name] for name in classes_of(page) if name in DEFINED_IN}
    assert {name: sheets for name, sheets in plain.items() if not sheets & loaded} == {}
