"""Tables that become blocks on a phone: there every cell says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "frontend" / "templates"
STACKED = [path for path in sorted(TEMPLATES.rglob("*.html")) if "data--stack" in path.read_text(encoding="utf-8")]
BUTTONS = "data__deeds"
"""Cells of buttons, which say themselves what they do."""


def unnamed(page: str) -> list[str]:
    """The cells of stacked tables that do not name their column."""
    tables = re.findall(r"<table[^>]*data--stack.*?</table>", page, re.DOTALL)
    cells = [cell for table in tables for cell in re.findall(r"<td\b[^>]*>", table)]
    return [cell for cell in cells if "data-label" not in cell and BUTTONS not in cell]


@pytest.mark.parametrize("path", STACKED, ids=lambda path: path.stem)
def test_every_cell_names_its_column(path: Path) -> None:
    assert unnamed(path.read_text(encoding="utf-8")) == []


def test_a_cell_without_a_name_is_found() -> None:
    assert unnamed('<table class="data data--stack"><td class="number">3</td></table>') == ['<td class="number">']
