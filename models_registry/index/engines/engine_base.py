"""What every engine offers. An engine only proposes: distances, filters and removal are decided by `VectorIndex`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from models_registry.index.index_errors import UnknownEngine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.index.vector_spaces import Space
    from models_registry.metrics import Metric
    from models_registry.store import Vectors

CODECS: dict[str, tuple[str, ...]] = {"exact": ("",), "faiss": ("rabitq", "sq8"), "milvus": ("sq8", "flat")}
"""The engines and the codecs of each, its default first."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which engine, and what it shall reach.

    `recall` is the share of the true ten nearest that it shall find, measured when it is built. `rerank` is how many
    candidates are measured exactly for an answer. `url` and `token` are those of a Milvus server. `seed` decides which
    rows are trained and measured on.
    """

    name: str = "exact"
    codec: str = ""
    recall: float = 0.98
    rerank: int = 100
    seed: int = 0
    url: str = ""
    token: str = ""

    def __post_init__(self) -> None:
        if self.name not in CODECS:
            raise UnknownEngine(f"There is no engine {self.name!r}; there are {', '.join(CODECS)}.")
        codecs = CODECS[self.name]
        if not self.codec:
            object.__setattr__(self, "codec", codecs[0])
        if self.codec not in codecs:
            known = ", ".join(f"{self.name}:{codec}" for codec in codecs if codec) or self.name
            raise UnknownEngine(f"There is no engine {self.name}:{self.codec}; write {known}.")
        if not 0 < self.recall <= 1:
            raise ValueError(f"A recall lies above 0 and up to 1, not {self.recall:g}.")
        if self.rerank < 1:
            raise ValueError(f"At least one candidate must be measured for an answer, not {self.rerank}.")

    @classmethod
    def parse(cls, text: str, **other: Any) -> EngineSettings:
        """The settings that `exact`, `faiss`, `faiss:sq8` … mean; raises UnknownEngine."""
        name, _, codec = text.partition(":")
        return cls(name=name, codec=codec, **other)

    @property
    def label(self) -> str:
        """As `parse` reads it."""
        return f"{self.name}:{self.codec}" if self.codec else self.name

    def without_secrets(self) -> EngineSettings:
        """Fit to be written into a manifest."""
        return replace(self, token="")


@dataclass(frozen=True, eq=False)
class AllowedRows:
    """Which rows of the base may answer: a mask [N], never changed once it is here."""

    mask: NDArray[np.bool_]

    @cached_property
    def count(self) -> int:
        return int(np.count_nonzero(self.mask))

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Row numbers at which the mask is set, ascending."""
        return np.flatnonzero(self.mask).astype(np.int64)

    @cached_property
    def packed_bits(self) -> NDArray[np.uint8]:
        """One bit per row, the lowest bit of a byte first."""
        return np.packbits(self.mask, bitorder="little")


class Engine(ABC):
    """Proposes rows that may be among the nearest, in one space. Never changed once built; safe for many threads.

    Positions are those of the vectors that it was built from. An `exact` engine proposes the true nearest, whatever
    the effort.
    """

    name: ClassVar[str]
    exact: ClassVar[bool] = False

    def __init__(self, space: Space, rows: int, dim: int) -> None:
        self.space: Space = space
        self.rows = rows
        self.dim = dim

    @classmethod
    @abstractmethod
    def build(cls, settings: EngineSettings, space: Space, metrics: tuple[Metric, ...], vectors: Vectors) -> Engine:
        """An engine over these vectors, set so that it reaches the recall asked for in each of the metrics."""

    @classmethod
    @abstractmethod
    def open(
        cls, settings: EngineSettings, space: Space, folder: Path, facts: Mapping[str, Any], vectors: Vectors
    ) -> Engine:
        """The engine that `save` wrote, mapped and not read where that is possible; raises IndexProblem."""

    @abstractmethod
    def save(self, folder: Path) -> dict[str, Any]:
        """Write its files into the folder; what comes back is plain JSON that `open` gets as `facts`."""

    @abstractmethod
    def propose_rows(
        self,
        queries: NDArray[np.float32],
        count: int,
        *,
        metric: Metric,
        allowed: AllowedRows | None = None,
        effort: float = 1.0,
    ) -> NDArray[np.int64]:
        """Up to `count` different positions [Q, count] for each of the queries [Q, d], -1 behind the last.

        Queries come as the encoder gives them. Only allowed rows are proposed. `effort` multiplies the work that was
        found to be enough when the engine was built; with infinity every row is looked at.
        """

    @property
    @abstractmethod
    def memory_bytes(self) -> int:
        """Bytes that the engine needs in memory to be fast, its mapped files included; 0 if a server holds them."""

    @classmethod
    def library_version(cls) -> str:
        """The library whose files these are, with its version: only the version that wrote a file opens it."""
        return ""

    def remove(self) -> None:  # noqa: B027 - most engines have nothing outside their folder
        """Remove what lies outside the generation's folder (a collection on a server)."""
