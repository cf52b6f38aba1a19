"""The tables of export version 1: names, columns and their kinds. Programs outside rely on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1

Kind = Literal["int", "float", "text", "bool", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: text is never null, the others may be."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """A file of the export, by its name without the ending."""

    name: str
    columns: tuple[Column, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow's types; times are microseconds in UTC."""
        import pyarrow as pa

        kinds = {
            "int": pa.int64(),
            "float": pa.float64(),
            "text": pa.string(),
            "bool": pa.bool_(),
            "time": pa.timestamp("us", tz="UTC"),
        }
        return pa.schema([(column.name, kinds[column.kind]) for column in self.columns])


def _make_table(name: str, **kinds: Kind) -> Table:
    return Table(name, tuple(Column(column, kind) for column, kind in kinds.items()))


VOTES = _make_table(
    "votes",
    vote_id="int",
    pair_id="int",
    voter="text",
    verdict="text",
    kind="text",
    counted="bool",
    void_reason="text",
    response_ms="int",
    served_at="time",
    voted_at="time",
    propensity="float",
    side="text",
    simulated="bool",
)
PAIRS = _make_table(
    "pairs", pair_id="int", query="text", candidate="text", dope="int", nope="int", skip="int", split="text"
)
NOMINATIONS = _make_table("nominations", pair_id="int", contender="text", rank="int", distance="float")
ITEMS = _make_table(
    "items",
    key="text",
    path="text",
    sha256="text",
    category="text",
    product="text",
    domain="text",
    x1="int",
    y1="int",
    x2="int",
    y2="int",
    attributes="text",
    split="text",
)
TRIPLETS = _make_table("triplets", query="text", positive="text", negative="text", weight="float")
TABLES = (VOTES, PAIRS, NOMINATIONS, ITEMS, TRIPLETS)

OML = _make_table(
    "oml",
    label="int",
    path="text",
    split="text",
    is_query="bool",
    is_gallery="bool",
    category="text",
    x_1="int",
    x_2="int",
    y_1="int",
    y_2="int",
)
"""The data frame of open-metric-learning, always a CSV."""
VERDICTS = _make_table("verdicts", query="int", candidate="int", dope="int", nope="int")
"""Rows of ITEMS whose pair more people liked than noped or the other way round: read, but never a file of its own."""
