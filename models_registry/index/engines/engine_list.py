"""The engines by name, imported when they are used: faiss and pymilvus are heavy, and the latter optional."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from models_registry.index.engines.exact_engine import ExactEngine
from models_registry.index.vector_spaces import LARGEST_DIM, spaces_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models_registry.index.engines.engine_base import Engine, EngineSettings
    from models_registry.index.vector_spaces import Space
    from models_registry.metrics import Metric
    from models_registry.store import Vectors

_CODE = {
    "exact": "models_registry.index.engines.exact_engine:ExactEngine",
    "faiss": "models_registry.index.engines.faiss_engine:FaissEngine",
    "milvus": "models_registry.index.engines.milvus_engine:MilvusEngine",
}


def engine_class(settings: EngineSettings, space: Space) -> type[Engine]:
    """The engine of a space. Bits are scanned, whatever the engine: a sixteenth of the bytes, and lists lose them."""
    if space == "bits":
        return ExactEngine
    module, _, name = _CODE[settings.name].partition(":")
    engine: type[Engine] = getattr(import_module(module), name)
    return engine


def build_engines(settings: EngineSettings, metrics: Iterable[Metric], vectors: Vectors) -> dict[Space, Engine]:
    """An engine for each space that these metrics need; raises ValueError, and EngineMissing without its library."""
    if vectors.dim > LARGEST_DIM:
        raise ValueError(f"An index holds vectors of up to {LARGEST_DIM:,} components, not {vectors.dim:,}.")
    return {
        space: engine_class(settings, space).build(settings, space, served, vectors)
        for space, served in spaces_of(metrics).items()
    }
