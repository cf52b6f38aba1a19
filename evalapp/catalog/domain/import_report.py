"""What went wrong in an import: counted by kind, the first ones kept, all of them in a file if one is wanted."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from evalapp.catalog.domain.importers.importer_base import RowFault
from evalapp.catalog.domain.importers.label_texts import printable_text
from evalapp.core.domain.errors import InvalidInput

MOST_KEPT = 1000


class Report:
    """Takes faults one by one; memory does not grow with their number. A context manager where it has a file."""

    def __init__(self, path: Path | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.left_out = 0
        self.first: list[RowFault] = []
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise InvalidInput(f"The report cannot be written to {path}: {error.strerror}.") from error
            self._writer = csv.writer(self._file)
            self._writer.writerow(("row", "path", "code", "message"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def fault_count(self) -> int:
        """How many faults there are, warnings included."""
        return self.counts.total()

    def add_fault(self, fault: RowFault) -> None:
        """Note a fault."""
        fault = replace(fault, path=printable_text(fault.path), message=printable_text(fault.message))
        self.counts[fault.code] += 1
        self.left_out += fault.left_out
        if len(self.first) < MOST_KEPT:
            self.first.append(fault)
        if self._file is not None:
            self._writer.writerow((fault.row, fault.path, fault.code, fault.message))
