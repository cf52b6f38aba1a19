"""Which tests run which lines: a pytest plugin that writes a JSON file.

{"tests": {"<id>": seconds}, "lines": {"<file>": {"<line>": ["<id>", …]}}}
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest


class LineMap:
    """Watches the files of some folders while tests run."""

    def __init__(self, tree: Path, folders: list[str], output: Path) -> None:
        self._beginnings = tuple(f"{tree / folder}/" for folder in folders)
        self._tree, self._output = f"{tree}/", output
        self._seen: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._seconds: dict[str, float] = {}
        self._test = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Everything that a test and its fixtures run counts for it."""
        self._test, begun = item.nodeid, time.monotonic()
        sys.settrace(self._enter)
        threading.settrace(self._enter)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self._seconds[item.nodeid] = time.monotonic() - begun

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails or is skipped tells nothing about a mutant."""
        if not report.passed:
            self._seconds.pop(report.nodeid, None)
            for ids in self._seen.values():
                ids.discard(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        lines: dict[str, dict[int, list[str]]] = defaultdict(dict)
        for (file, line), ids in self._seen.items():
            if known := sorted(ids & self._seconds.keys()):
                lines[file.removeprefix(self._tree)][line] = known
        self._output.write_text(json.dumps({"tests": self._seconds, "lines": lines}), encoding="utf-8")

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self._beginnings) else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self._seen[frame.f_code.co_filename, frame.f_lineno].add(self._test)
        return self._line
