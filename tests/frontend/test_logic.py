"""The pure half of the front end, tested by Node without a browser."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import system
from tests.conftest import REPOSITORY

HERE = Path(__file__).parent
LOGIC = REPOSITORY / "frontend" / "static" / "js" / "logic"


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.name.split(".")[0])
def test_logic(file: Path) -> None:
    node = system.need("node")
    done = subprocess.run([node, "--test", str(file)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_of_logic_has_tests() -> None:
    assert {file.stem for file in LOGIC.glob("*.js")} == {file.name.split(".")[0] for file in HERE.glob("*.test.mjs")}


@pytest.mark.parametrize("module", sorted(LOGIC.glob("*.js")), ids=lambda module: module.stem)
def test_logic_knows_no_browser(module: Path) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", module.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"\b(?:document|window|navigator|localStorage|sessionStorage|fetch|setTimeout)\b", code) == []
