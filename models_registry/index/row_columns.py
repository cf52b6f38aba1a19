"""What is known of an index's rows besides their vectors: category, product, domain, flags; kept as small numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

Labels = Mapping[str, "Sequence[str | None]"]
"""A value per row for each column that is named; None where it is not known."""


@dataclass(frozen=True, eq=False)
class RowColumns:
    """Columns over `rows` rows. Each row has one value per column, or none; what has several is a column per value.

    `codes` are int32 [rows] per column, -1 for none; `codebooks` say which value each code stands for. Never changed:
    every change gives new columns, and only those that it touches are copied.
    """

    rows: int
    codes: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    codebooks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def with_more_rows(self, rows: int) -> RowColumns:
        """With so many more rows at the end, of which nothing is known yet."""
        unknown = np.full(rows, -1, dtype=np.int32)
        longer = {name: np.concatenate([codes, unknown]) for name, codes in self.codes.items()}
        return RowColumns(self.rows + rows, longer, self.codebooks)

    def with_values(self, slots: NDArray[np.int64], labels: Labels) -> RowColumns:
        """With these values at these rows; columns that are not named stay as they are."""
        codes, codebooks = dict(self.codes), dict(self.codebooks)
        for name, values in labels.items():
            if len(values) != len(slots):
                raise ValueError(f"{name}: {len(values)} values do not fit {len(slots)} rows.")
            codebook = dict(codebooks.get(name, {}))
            column = codes[name].copy() if name in codes else np.full(self.rows, -1, dtype=np.int32)
            column[slots] = [-1 if value is None else codebook.setdefault(value, len(codebook)) for value in values]
            codes[name], codebooks[name] = column, codebook
        return RowColumns(self.rows, codes, codebooks)

    def codes_of_column(self, name: str) -> NDArray[np.int32]:
        """The codes [rows] of a column; all -1 where there is no such column."""
        codes = self.codes.get(name)
        return np.full(self.rows, -1, dtype=np.int32) if codes is None else codes

    def value_at(self, name: str, slot: int) -> str | None:
        """The value of one row in a column, None where it has none."""
        code = int(self.codes_of_column(name)[slot])
        return next((word for word, number in self.codebooks.get(name, {}).items() if number == code), None)

    def allowed_rows(self, filters: Mapping[str, Collection[str]]) -> NDArray[np.bool_]:
        """Which rows [rows] have one of the values asked for, in every column that is named."""
        mask = np.ones(self.rows, dtype=np.bool_)
        for name, values in filters.items():
            codebook = self.codebooks.get(name, {})
            mask &= np.isin(self.codes_of_column(name), [codebook[value] for value in values if value in codebook])
        return mask

    def value_counts(self, name: str, among: NDArray[np.bool_]) -> dict[str, int]:
        """How many of the rows in the mask [rows] have each value of a column; values of none are left out."""
        counts = np.bincount(self.codes_of_column(name)[among] + 1, minlength=1)
        return {
            word: int(counts[code + 1])
            for word, code in self.codebooks.get(name, {}).items()
            if code + 1 < len(counts) and counts[code + 1]
        }
