"""Vectors in, nearest items out: indexes that are built whole, searched by many threads, and never changed.

A generation is built from vectors of the store and written into a folder, whole or not at all; what is opened again is
a `VectorIndex`, to which changes are added as they come:

    settings = EngineSettings.parse("faiss:rabitq", recall=0.98)      # or "exact", "faiss:sq8", "milvus"
    build_generation(folder, ids=ids, keys=keys, store=store, metrics=["cosine"], settings=settings, about={...})
    verify_generation(folder, store)                                  # recall, counts and hashes, before it serves
    index = open_generation(folder, store, labels={"category": [...], "product": [...]})

    index = index.with_rows([17], vectors, {"category": ["dress"]})   # new, or with another picture
    index = index.without_rows([3, 4])                                # removed, withdrawn, flagged
    index = index.with_labels([17], {"category": ["skirt"]})          # changed without new pixels

    index.search(vector, metric="cosine", k=24, filters={"category": ["dress", "skirt"]}, one_per="product")
    index.similar_items(17, metric="cosine", k=12, product="product", diversity=0.3)

- Items are int64 numbers of the caller's (`ids`). Answers carry them, with canonical distances: those that
  `models_registry.neighbours.nearest` gives for the same pair, whatever the engine.
- A `VectorIndex` is a snapshot: `with_rows`, `without_rows` and `with_labels` give another one and leave it as it was.
  One thread makes changes and swaps a reference; any number search. Rows have slots (base rows, then the delta's);
  `index.ids`, `index.live` and `index.columns` are by slot, of one snapshot only.
- `engines` propose, everything else is decided here: there are always min(k, rows that may answer) answers. Filters go
  through `plan_search`: few allowed rows are compared exactly, many go through the engine with more probes.
- An index serves the metrics that it was built for. They share spaces: raw (`l2`, `l1`), unit (`cosine`) and bits
  (`hamming`, which is scanned).
- What goes wrong is an `IndexProblem` with one sentence for the person, or a ValueError for a wrong argument.

`evaluate_index` measures engines on the user's own vectors, `choose_engine` decides; `automatic_engine` does both.
"""

from models_registry.index.engine_choice import EngineChoice, automatic_engine, choose_engine
from models_registry.index.engines.engine_base import CODECS, AllowedRows, Engine, EngineSettings
from models_registry.index.engines.engine_list import build_engines
from models_registry.index.evaluation import (
    EFFORTS,
    EffortReport,
    EngineReport,
    FilterReport,
    IndexEvaluation,
    evaluate_index,
)
from models_registry.index.filter_planner import SearchPlan, plan_search
from models_registry.index.generation import (
    Verification,
    build_generation,
    generation_ids,
    open_generation,
    verify_generation,
)
from models_registry.index.generation_files import Manifest, read_manifest, remove_unfinished
from models_registry.index.index_errors import (
    BrokenGeneration,
    EngineMissing,
    ForeignGeneration,
    IndexProblem,
    UnknownEngine,
)
from models_registry.index.row_columns import RowColumns
from models_registry.index.search_answers import Answers, diverse_order, liked_vector
from models_registry.index.vector_index import IndexBase, VectorIndex
from models_registry.index.vector_spaces import LARGEST_DIM, SPACE_OF, Space, spaces_of

__all__ = [
    "CODECS",
    "EFFORTS",
    "LARGEST_DIM",
    "SPACE_OF",
    "AllowedRows",
    "Answers",
    "BrokenGeneration",
    "EffortReport",
    "Engine",
    "EngineChoice",
    "EngineMissing",
    "EngineReport",
    "EngineSettings",
    "FilterReport",
    "ForeignGeneration",
    "IndexBase",
    "IndexEvaluation",
    "IndexProblem",
    "Manifest",
    "RowColumns",
    "SearchPlan",
    "Space",
    "UnknownEngine",
    "VectorIndex",
    "Verification",
    "automatic_engine",
    "build_engines",
    "build_generation",
    "choose_engine",
    "diverse_order",
    "evaluate_index",
    "generation_ids",
    "liked_vector",
    "open_generation",
    "plan_search",
    "read_manifest",
    "remove_unfinished",
    "spaces_of",
    "verify_generation",
]
