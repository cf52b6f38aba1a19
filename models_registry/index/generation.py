"""One build of an index: made from the store's vectors, verified, and opened mapped by whoever serves it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.index.engines.engine_list import build_engines, engine_class
from models_registry.index.engines.probe_search import DEPTH, recall_per_query
from models_registry.index.generation_files import (
    Manifest,
    appearing_folder,
    check_hashes,
    describe_files,
    read_manifest,
    read_rows,
    write_manifest,
    write_rows,
)
from models_registry.index.index_errors import BrokenGeneration, ForeignGeneration
from models_registry.index.vector_index import IndexBase, VectorIndex
from models_registry.neighbours import nearest
from models_registry.store import MissingVectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.index.engines.engine_base import Engine, EngineSettings
    from models_registry.index.row_columns import Labels
    from models_registry.index.vector_spaces import Space
    from models_registry.metrics import Metric
    from models_registry.store import TapStore, Vectors

VERIFIED_ROWS = 200


@dataclass(frozen=True, slots=True)
class Verification:
    """What a generation was found to be: `recall` at 10 per metric, against every row compared, on rows of its own."""

    rows: int
    recall: Mapping[Metric, float]
    sha256: str


def build_generation(
    folder: Path,
    *,
    ids: Sequence[int] | NDArray[np.int64],
    keys: Sequence[bytes],
    store: TapStore,
    metrics: Sequence[Metric],
    settings: EngineSettings,
    about: Mapping[str, Any] | None = None,
) -> Manifest:
    """Build engines over the items' vectors and write them into a new folder, which appears whole or not at all.

    `about` is plain JSON of the caller's, which `open_generation` can insist on. Raises MissingVectors where some are
    not computed yet, IndexProblem where the folder is there or the engine is not.
    """
    numbers = np.asarray(ids, dtype=np.int64)
    vectors = store.reader(keys)
    IndexBase(numbers, vectors, {})  # refuses ids that come twice, before anything is built
    engines = build_engines(settings, metrics, vectors)
    try:
        return _write_generation(folder, numbers, keys, vectors, engines, metrics, settings, about or {})
    except BaseException:
        for engine in engines.values():
            engine.remove()
        raise


def open_generation(
    folder: Path,
    store: TapStore,
    *,
    labels: Labels | None = None,
    about: Mapping[str, Any] | None = None,
    settings: EngineSettings | None = None,
    threads: int | None = None,
) -> VectorIndex:
    """The index of a generation, its files mapped. Sizes are checked, contents by `verify_generation`.

    `labels` has a value per row, in the order of the manifest's rows (`generation_ids`), for each column. With `about`,
    a generation that says otherwise in any of its entries is refused. `settings` replace address and token of a
    server. Raises BrokenGeneration or ForeignGeneration, in one sentence each.
    """
    manifest = read_manifest(folder)
    _check_about(folder, manifest, about or {})
    ids, keys = read_rows(folder, manifest)
    vectors = _stored_vectors(folder, manifest, store, keys)
    engines = {space: _open_engine(folder, manifest, space, vectors, settings) for space in manifest.spaces}
    base = IndexBase(ids, vectors, engines, manifest.settings.rerank)
    return VectorIndex.from_base(base, labels=labels, threads=threads)


def generation_ids(folder: Path) -> NDArray[np.int64]:
    """The items of a generation, in the order of its rows; raises BrokenGeneration or ForeignGeneration."""
    return read_rows(folder, read_manifest(folder))[0]


def verify_generation(
    folder: Path, store: TapStore, *, rows: int = VERIFIED_ROWS, seed: int = 0, settings: EngineSettings | None = None
) -> Verification:
    """Read every byte, open it, and ask `rows` of its rows for their ten nearest, as everybody will.

    Raises BrokenGeneration or ForeignGeneration. Whether the recall is good enough is the caller's to say.
    """
    manifest = read_manifest(folder)
    check_hashes(folder, manifest)
    index = open_generation(folder, store, settings=settings)
    sampled_rows = np.sort(np.random.default_rng(seed).permutation(manifest.rows)[:rows]).astype(np.int64)
    return Verification(
        manifest.rows, {m: sampled_recall(index, m, sampled_rows) for m in manifest.metrics}, manifest.sha256
    )


def sampled_recall(index: VectorIndex, metric: Metric, positions: NDArray[np.int64]) -> float:
    """The share of the ten nearest of these rows of the base that the index finds; 1 where there is nothing to find."""
    vectors, ids = index.base.vectors, index.base.ids
    depth = min(DEPTH, len(ids) - 1)
    if depth < 1 or not len(positions):
        return 1.0
    answers = index.search(vectors.take(positions), metric=metric, k=depth, query_ids=ids[positions])
    true = nearest(
        vectors.select(positions), vectors, metric=metric, k=depth, query_ids=ids[positions], gallery_ids=ids
    )
    return float(recall_per_query(answers.distances, true.distances).mean())


def _write_generation(
    folder: Path,
    ids: NDArray[np.int64],
    keys: Sequence[bytes],
    vectors: Vectors,
    engines: Mapping[Space, Engine],
    metrics: Sequence[Metric],
    settings: EngineSettings,
    about: Mapping[str, Any],
) -> Manifest:
    with appearing_folder(folder) as unfinished:
        write_rows(unfinished, ids, keys)
        spaces = {space: engine.save(unfinished) for space, engine in engines.items()}
        library = "".join(sorted({engine.library_version() for engine in engines.values()} - {""}))
        manifest = Manifest(
            rows=len(ids),
            dim=vectors.dim,
            settings=settings,
            metrics=tuple(metrics),
            spaces=spaces,
            library=library,
            about=dict(about),
            files=describe_files(unfinished),
        )
        write_manifest(unfinished, manifest)
    return manifest


def _check_about(folder: Path, manifest: Manifest, about: Mapping[str, Any]) -> None:
    for name, expected in about.items():
        if manifest.about.get(name) != expected:
            raise ForeignGeneration(
                f"{folder} was built with {name} {manifest.about.get(name)!r}, not {expected!r}; build the index anew."
            )


def _stored_vectors(folder: Path, manifest: Manifest, store: TapStore, keys: Sequence[bytes]) -> Vectors:
    try:
        vectors = store.reader(keys)
    except MissingVectors as error:
        missing = f"{len(error.keys):,} of its {manifest.rows:,} vectors are not in the store"
        raise BrokenGeneration(
            f"{folder} cannot be served: {missing}; compute them and build the index anew."
        ) from error
    if manifest.rows and vectors.dim != manifest.dim:
        raise ForeignGeneration(
            f"{folder} was built of vectors of {manifest.dim} components, the store's have {vectors.dim}: "
            "another encoder's; build the index anew."
        )
    return vectors if manifest.rows else replace(vectors, dim=manifest.dim)


def _open_engine(
    folder: Path, manifest: Manifest, space: Space, vectors: Vectors, settings: EngineSettings | None
) -> Engine:
    kind = engine_class(manifest.settings, space)
    if kind.library_version() and kind.library_version() != manifest.library:
        raise ForeignGeneration(
            f"{folder} was built by {manifest.library}, here is {kind.library_version()}; build the index anew."
        )
    engine = kind.open(settings or manifest.settings, space, folder, manifest.spaces[space], vectors)
    if (engine.rows, engine.dim) != (manifest.rows, manifest.dim):
        raise BrokenGeneration(
            f"The {space} engine in {folder} holds {engine.rows:,} rows of {engine.dim} components, "
            f"not {manifest.rows:,} of {manifest.dim}; build the index anew."
        )
    return engine
