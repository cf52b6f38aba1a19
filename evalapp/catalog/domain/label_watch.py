"""Labels as they come in: words for nothing are none, and labels that look alike are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unicodedata import normalize

from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.core.domain.values.storable_texts import is_missing

_LABELS = ("category", "product", "domain", "split")
_COMPARED = ("category", "domain", "split")
"""Not products: there may be millions, and their names are numbers."""
_MOST = 10_000


class LabelWatch:
    """Looks at the labels of one import. Each finding is told once, memory is bounded."""

    def __init__(self, where: str = ", here and in other rows") -> None:
        self._where = where
        self._told: set[tuple[str, str]] = set()
        self._written: dict[tuple[str, str], str] = {}

    def clean_record(self, record: Record) -> tuple[Record, list[RowFault]]:
        """The record without words for nothing, and what is to be told of its labels."""
        missing = [name for name in _LABELS if is_missing(getattr(record, name))]
        faults = [
            RowFault(
                record.row,
                record.path,
                "missing-label",
                f"The {name} {getattr(record, name)!r} was taken for none{self._where}.",
                left_out=False,
            )
            for name in missing
            if self._is_new(name, getattr(record, name))
        ]
        attributes = {name: value for name, value in record.attributes.items() if not is_missing(value)}
        emptied: dict[str, Any] = dict.fromkeys(missing, "")
        cleaned = replace(record, attributes=attributes, **emptied)
        return cleaned, [*faults, *self._look_alikes(cleaned)]

    def _look_alikes(self, record: Record) -> Iterator[RowFault]:
        for name in _COMPARED:
            label = getattr(record, name)
            if not label or len(self._written) >= _MOST:
                continue
            first = self._written.setdefault((name, _normal_form(label)), label)
            if first != label and self._is_new(name, label):
                message = f"The {name} {label!r} looks like {first!r}: they are two labels, here and in other rows."
                yield RowFault(record.row, record.path, "look-alike-label", message, left_out=False)

    def _is_new(self, name: str, label: str) -> bool:
        if (name, label) in self._told or len(self._told) >= _MOST:
            return False
        self._told.add((name, label))
        return True


def _normal_form(label: str) -> str:
    """What a reader sees: no capitals, no kinds of blanks or dashes, one form of each letter."""
    return " ".join(normalize("NFKC", label).casefold().replace("_", " ").replace("-", " ").split())
