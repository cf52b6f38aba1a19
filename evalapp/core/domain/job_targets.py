"""What a job or a training run is about, as text: `study:12` is the study with the id 12."""

from __future__ import annotations

from typing import Literal

TargetKind = Literal[
    "study",
    "catalogue",
    "import",
    "registration",
    "start",
    "map",
    "examination",
    "training",
    "export",
    "index",
    "experiment",
    "duplicates",
]

TARGET_MODELS: dict[TargetKind, tuple[str, str]] = {
    "study": ("studies.Study", "slug"),
    "import": ("catalog.CatalogueImport", "catalogue__slug"),
    "registration": ("contenders.Registration", "name"),
    "start": ("studies.QuickStart", "title"),
    "map": ("contenders.EmbeddingMap", "embedding__model__name"),
    "examination": ("contenders.Examination", "catalogue__slug"),
    "training": ("training.TrainingRun", "name"),
    "index": ("search.SearchIndex", "slug"),
    "experiment": ("search.IndexExperiment", "index__slug"),
    "duplicates": ("search.DuplicateScan", "catalogue__slug"),
    "export": ("exports.Export", "study__slug"),
}
"""What jobs are about: the model, by its name since apps above define it, and the field that holds its public name."""


def target_of(kind: TargetKind, number: int) -> str:
    """The text for the row of this kind with this id."""
    return f"{kind}:{number}"


def split_target(target: str) -> tuple[str, int]:
    """Kind and id; raises ValueError for what is no target."""
    kind, _, number = target.partition(":")
    return kind, int(number)


def target_id(kind: TargetKind, target: str) -> int:
    """The id in a target of this kind; raises ValueError for a target of another kind."""
    found_kind, number = split_target(target)
    if found_kind != kind:
        raise ValueError(f"{target} is no {kind}.")
    return number


def is_target(kind: TargetKind, target: str) -> bool:
    """Whether the target is of this kind."""
    return target.startswith(f"{kind}:")
