"""A worker looks what a network is, registers it, and tries it on a few pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import active_items, unflagged
from evalapp.contenders.models import EmbeddingModel, Registration
from evalapp.contenders.pipeline import embeddings
from evalapp.contenders.pipeline.region_trials import region_trial
from evalapp.contenders.services import registrations
from evalapp.contenders.services.region_registration import carry_out_region
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.core.services.uploads import drop_upload
from models_registry.evaluate.vector_checks import describe_vectors
from models_registry.hash_sampling import name_words, sample_positions
from models_registry.spec import IMAGENET_MEAN, IMAGENET_STD

QUERIES, PICTURES = 5, 100
"""A trial asks for the neighbours of so many pictures among so many."""


def cut_once(_target: str) -> Iterator[Piece]:
    """One piece."""
    yield Piece({})


def register_network(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    """The model of a registration, or its locator or masker."""
    row = _registration_of(target)
    if row.kind:
        carry_out_region(row)
    else:
        registrations.carry_out(row)
    return []


def try_out(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    """Five pictures and what the model puts next to each, with what is odd about its vectors."""
    row = _registration_of(target)
    catalogue = row.catalogue or Catalogue.objects.filter(items__removed=False).order_by("-updated_at").first()
    if row.region is not None and catalogue is not None:
        registrations.keep_trial(row, region_trial(row.region, catalogue, _trial_items(catalogue)[:QUERIES]))
    if row.model is None or catalogue is None:
        return []
    trial = trial_of(row.model, catalogue)
    trial["warnings"] = [*_assumption_warnings(row), *trial["warnings"]]
    registrations.keep_trial(row, trial)
    return []


def trial_of(model: EmbeddingModel, catalogue: Catalogue) -> dict[str, Any]:
    """What the model makes of a few pictures of the catalogue: see `Registration.trial`."""
    items = _trial_items(catalogue)
    taps = [tap["name"] for tap in model.spec["taps"]]
    faults = embeddings.embed_items(model, taps, items)
    contents = embeddings.contents(model, items)
    missing = (
        set(embeddings.folder_of(model, taps[0]).missing([content.key for content in contents])) if taps else set()
    )
    with_vectors = [content for content in contents if content.key not in missing]
    tried_taps = [_try_tap(model, tap, with_vectors) for tap in model.spec["taps"]] if with_vectors else []
    warnings = (
        [f"{len(faults)} of {len(items)} pictures got no vector: {faults[0][0]}: {faults[0][1]}"] if faults else []
    )
    return {"catalogue": catalogue.slug, "pictures": len(with_vectors), "taps": tried_taps, "warnings": warnings}


def _try_tap(model: EmbeddingModel, tap: dict[str, Any], with_vectors: list[embeddings.Content]) -> dict[str, Any]:
    reader = embeddings.folder_of(model, tap["name"]).reader([content.key for content in with_vectors])
    vectors = np.array(reader.rows(0, len(with_vectors)), dtype=np.float32)
    described = describe_vectors(vectors)
    pairs = []
    for query in range(min(QUERIES, len(with_vectors))):
        distances = _cosine_distances(vectors, query)
        # The same content under two keys tells nothing.
        distances[[index for index, content in enumerate(with_vectors) if content.key == with_vectors[query].key]] = (
            np.inf
        )
        if np.isfinite(distances).any():
            nearest = int(distances.argmin())
            pairs.append([with_vectors[query].item, with_vectors[nearest].item, round(float(distances[nearest]), 4)])
    return {"name": tap["name"], "dim": tap["dim"], "warnings": list(described.warnings), "pairs": pairs}


def _cosine_distances(vectors: NDArray[np.float32], query: int) -> NDArray[np.float64]:
    """Distances [n] of every vector [n, d] from one of them."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        distances: NDArray[np.float64] = 1 - vectors.astype(np.float64) @ vectors[query] / (lengths * lengths[query])
    return np.where(np.isfinite(distances), distances, np.inf)


def _trial_items(catalogue: Catalogue) -> list[int]:
    """The same pictures for every model, so that trials can be compared; the first of them are asked for."""
    rows = list(unflagged(active_items(catalogue)).values_list("pk", "key")[:20_000])
    order = sample_positions(name_words([key for _, key in rows]), min(PICTURES, len(rows)), 0)
    return [rows[index][0] for index in order]


def _assumption_warnings(row: Registration) -> list[str]:
    """What nobody said and was taken for granted; a wrong scale is the most usual fault of a network from outside."""
    if row.model is None or row.model.spec["family"] != "onnx" or {"mean", "std"} <= set(row.options):
        return []
    rules = row.model.preprocess or {}
    if list(rules.get("mean", ())) != list(IMAGENET_MEAN) or list(rules.get("std", ())) != list(IMAGENET_STD):
        return []
    return [
        "Nobody said which scale it reads: ImageNet’s mean and deviation were assumed. Change them below if not so."
    ]


def _registration_of(target: str) -> Registration:
    return registrations.registration_by_id(target_id("registration", target))


def _drop_sent_file(target: str, _state: str) -> None:
    row = _registration_of(target)
    if row.upload and (row.model or row.region):
        drop_upload(row.upload)


PLAN = Plan(
    stages=(
        Stage("look", "networks", cut_once, register_network),
        Stage("try", "networks", cut_once, try_out),
    ),
    finish=_drop_sent_file,
)
