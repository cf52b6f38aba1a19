"""What every recipe that learns from labels does before and after its training."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from models_registry.encoders.checkpoint import (
    CheckpointSpec,
    read_checkpoint,
    read_head,
    trained_on,
    write_checkpoint,
)
from models_registry.evaluate import Entry, difference_hash, split_of, split_units, split_whole_groups
from models_registry.training.common.recipe_base import Outcome
from models_registry.training.common.training_errors import DiskFull, TrainingError, UnusableLabels
from models_registry.training.labels import validation
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.published_splits import published_splits
from models_registry.versions import engine_summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.encoders.checkpoint import HeadSpec
    from models_registry.evaluate.leak_free_splits import Split
    from models_registry.metrics import Metric
    from models_registry.spec import EncoderSpec
    from models_registry.training.common.recipe_base import RecipeConfig
    from models_registry.training.labels.label_configs import LoopConfig
    from models_registry.training.labels.reviewed_triplets import Reviewed
    from models_registry.training.votes.vote_data import VoteData

    Ids = NDArray[np.int64]

ENCODER = "encoder"
_IN_MEMORY = 2 << 30


@dataclass(frozen=True)
class Session:
    """Data, settings and folder of one run, with its splits."""

    recipe: str
    data: LabelledPictures
    config: LoopConfig
    workdir: Path

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over all that the result depends on: a checkpoint with another one is not gone on from."""
        return digest_of(self.recipe, self.config, self.data)

    @cached_property
    def splits(self) -> dict[str, Ids]:
        """Rows of `train`, `val` and `test`; raises UnusableLabels where one is empty."""
        is_published = self.config.split == "catalogue"
        names = published_splits(self.data, self.config) if is_published else self._by_hash()
        rows_by_split = {name: np.flatnonzero(np.array(names) == name) for name in ("train", "val", "test")}
        empty = " and ".join(name for name, rows in rows_by_split.items() if not len(rows))
        if empty and is_published:
            split_names = ", ".join(sorted({split for split in self.data.splits if split})) or "nothing"
            raise UnusableLabels(
                f"The splits of {self.data.name} ({split_names}) leave no pictures for {empty}; leave split=catalogue "
                "away to split by product, or import the catalogue with its train and test parts."
            )
        if empty:
            raise UnusableLabels(
                f"{self.data.name} leaves no pictures for {empty} after splitting by {self.config.split_by}; "
                "import more pictures, or change validation_share and test_share."
            )
        return rows_by_split

    @cached_property
    def reviewed(self) -> Reviewed:
        """What people said about triplets of training pictures; others are none of the run's business."""
        return self.data.reviewed.within_rows(self.splits["train"])

    @cached_property
    def features(self) -> Features:
        """The base network's vectors, in memory where they fit."""
        return Features(self.data)

    def _by_hash(self) -> list[str]:
        val, test = self.config.validation_share, self.config.test_share
        shares: dict[Split, float] = {"train": 1 - val - test, "val": val, "test": test}
        if self.config.split_by != "product":
            return self._whole_groups(self.config.split_by, shares)
        return [split_of(unit, salt=self.config.salt, shares=shares) for unit in self._split_units()]

    def _whole_groups(self, name: str, shares: Mapping[Split, float]) -> list[str]:
        """Splits that part no category, or no value of an attribute; raises UnusableLabels."""
        data = self.data
        groups = data.categories if name == "category" else [values.get(name) for values in data.attributes]
        try:
            return [split or "" for split in split_whole_groups(groups, salt=self.config.salt, shares=shares)]
        except ValueError:
            values = ", ".join(sorted({group for group in groups if group})) or "none"
            raise UnusableLabels(
                f"split_by={name} needs three or more values, one each to learn from, to validate and to test; the "
                f"pictures of {data.name} have {values}."
            ) from None

    def _split_units(self) -> list[str]:
        """The unit of each picture: its product, else its cluster of near duplicates (kept in the workdir)."""
        data = self.data
        if all(data.products):
            return split_units(data.products, data.keys)
        path = self.workdir / f"hashes-{data.snapshot[:16]}.npy"
        return split_units(data.products, data.keys, _picture_hashes(path, data))

    def write_outcome(
        self,
        head: HeadSpec,
        tensors: Mapping[str, NDArray[np.float32]],
        metrics: dict[str, Any],
        *,
        backbone: Mapping[str, NDArray[np.float32]] | None = None,
        tuned: EncoderSpec | None = None,
        learnt: Ids | None = None,
    ) -> Outcome:
        """Write the encoder and its card. A head over a frozen checkpoint becomes one head over that one's base.

        `tuned` is the spec of the network to which the weights of `backbone` belong, where it is not the base's own.
        `learnt` are the rows that were learnt from, where they are fewer than the training split.
        """
        data = self.data
        rows = self.splits["train"] if learnt is None else learnt
        pictures = [data.sha256s[row] for row in rows.tolist()]
        base, base_tap, seen_before = tuned or data.base, data.base_tap, []
        if data.base.family == "checkpoint" and backbone is None:
            base, base_tap, head, tensors, backbone, seen_before = _chain_to_base(data, head, tensors)
        card = {
            "recipe": self.recipe,
            "settings": asdict(self.config),
            "data": {
                "catalogue": data.name,
                "snapshot": data.snapshot,
                "pictures": {name: len(part) for name, part in self.splits.items()} | {"train": len(rows)},
            },
            "base": {"family": data.base.family, "source": Path(data.base.source).name, "tap": data.base_tap},
            "metrics": metrics,
            "code": engine_summary(),
        }
        folder = self.workdir / ENCODER
        try:
            write_checkpoint(
                folder,
                base=base,
                base_tap=base_tap,
                head=head,
                tensors=tensors,
                backbone=backbone,
                card=card,
                trained_on=[*pictures, *seen_before],
            )
        except OSError as error:
            raise DiskFull(f"{folder} cannot be written: {error.strerror or error}. Make room and resume.") from error
        return Outcome(folder, metrics, card)

    def final_table(
        self, trained: Sequence[Entry], *, way: validation.Way | None = None, baseline: str = f"{validation.RAW}:cosine"
    ) -> dict[str, Any]:
        """The final table as JSON. `trained` has a row per test picture, in the order of `splits["test"]`."""
        rows = self.splits["test"]
        way = way or validation.Way("", by_roles=self.config.split == "catalogue")
        entries = [*self.baseline_entries, *trained]
        return validation.final_table(self.data, rows, entries, baseline=baseline, way=way).to_json()

    @cached_property
    def baseline_entries(self) -> list[Entry]:
        """What the trained vectors must beat on the test pictures."""
        return validation.baseline_entries(self.data, self.splits["test"])

    def metric_entries(
        self, vectors: NDArray[np.float32], metrics: Sequence[Metric], name: str = validation.TRAINED
    ) -> list[Entry]:
        """The trained vectors of the test pictures as entries, one per metric."""
        return [Entry(f"{name}:{metric}", vectors, metric) for metric in metrics]


def digest_of(recipe: str, config: RecipeConfig, data: LabelledPictures | VoteData) -> str:
    """SHA-256 (hex) over all that a run's result depends on."""
    facts = [recipe, asdict(config), data.snapshot, data.base.fingerprint, data.base_tap]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class Features:
    """Rows of the base network's vectors as tensors; in memory up to 2 GB, else read when asked for."""

    def __init__(self, data: LabelledPictures) -> None:
        self._vectors = data.vectors
        self.dim = data.vectors.dim
        size = len(data) * self.dim * 4
        self._loaded: Tensor | None = None
        if size <= _IN_MEMORY:
            self._loaded = torch.from_numpy(data.vectors.take(np.arange(len(data))))

    def take(self, rows: Ids) -> Tensor:
        """Vectors [n, dim] of these rows."""
        if self._loaded is not None:
            return self._loaded[torch.from_numpy(rows)]
        return torch.from_numpy(self._vectors.take(rows))

    def mean_vector(self, rows: Ids) -> Tensor:
        """The mean [dim] over these rows."""
        total = torch.zeros(self.dim, dtype=torch.float64)
        for start in range(0, len(rows), 4096):
            total += self.take(rows[start : start + 4096]).sum(dim=0, dtype=torch.float64)
        return (total / len(rows)).float()


def in_blocks(apply: Any, rows: Ids, size: int = 2048) -> NDArray[np.float32]:
    """`apply` of so many rows at a time, as one array [n, d]."""
    with torch.no_grad():
        return np.concatenate(
            [apply(rows[start : start + size]).cpu().numpy().astype(np.float32) for start in range(0, len(rows), size)]
        )


def require_categories(data: LabelledPictures) -> None:
    """Raise UnusableLabels unless two categories have two pictures each."""
    counts = Counter(category for category in data.categories if category)
    if not counts:
        raise UnusableLabels(f"No picture of {data.name} has a category; import them with --map category=COLUMN.")
    if len(counts) == 1:
        raise UnusableLabels(f"All pictures of {data.name} are of one category, {next(iter(counts))}: two are needed.")
    if sum(count > 1 for count in counts.values()) < 2:
        raise UnusableLabels(f"Fewer than two categories of {data.name} have more than one picture.")


def require_products(data: LabelledPictures) -> None:
    """Raise UnusableLabels unless two products have two pictures each."""
    counts = Counter(product for product in data.products if product)
    if not counts:
        raise UnusableLabels(f"No picture of {data.name} has a product; import them with --map product=COLUMN.")
    if sum(count > 1 for count in counts.values()) < 2:
        raise UnusableLabels(
            f"Fewer than two products of {data.name} have more than one picture: there is nothing to pull together. "
            "Set by=category, or import more pictures of each."
        )


def require_domains(data: LabelledPictures, query: str, gallery: str) -> None:
    """Raise UnusableLabels unless two products have pictures in both domains."""
    domains = {domain for domain in data.domains if domain}
    for name in (query, gallery):
        if name not in domains:
            raise UnusableLabels(f"{data.name} has no domain {name}; it has {', '.join(sorted(domains)) or 'none'}.")
    query_products = {p for p, d in zip(data.products, data.domains, strict=True) if p and d == query}
    gallery_products = {p for p, d in zip(data.products, data.domains, strict=True) if p and d == gallery}
    if len(query_products & gallery_products) < 2:
        raise UnusableLabels(f"Fewer than two products of {data.name} have pictures both from {query} and {gallery}.")


def _picture_hashes(path: Path, data: LabelledPictures) -> NDArray[np.uint64]:
    """The hashes of all pictures, from the file where an earlier attempt wrote it whole."""
    with suppress(ValueError, EOFError, OSError):
        saved_hashes = np.load(path, allow_pickle=False)
        if len(saved_hashes) == len(data):
            return np.asarray(saved_hashes, dtype=np.uint64)
    hashes = np.array([_hash_of(picture) for picture in data.pictures], dtype=np.uint64)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}.npy")
    np.save(draft, hashes)
    draft.replace(path)
    return hashes


def _hash_of(picture: Any) -> int:
    from models_registry.pictures import open_rgb

    source = picture.source() if callable(picture.source) else picture.source
    image = open_rgb(source)
    if picture.box is not None:
        box = picture.box.clamp_to(image.width, image.height)
        image = image.crop((box.x1, box.y1, box.x2, box.y2))
    return difference_hash(image)


def _chain_to_base(data: LabelledPictures, head: HeadSpec, tensors: Mapping[str, NDArray[np.float32]]) -> Any:
    """The new head behind that of the checkpoint it was trained on, as `write_outcome` takes it apart."""
    from models_registry.encoders.checkpoint import BACKBONE, chain_heads, checkpoint_file, read_tensors

    if data.base_weights is None:
        raise TrainingError("The checkpoint that this run starts from has no files.")
    spec: CheckpointSpec = read_checkpoint(data.base_weights)
    joint, joint_tensors = chain_heads(spec.head, read_head(data.base_weights, spec), data.base_tap, head, tensors)
    backbone = read_tensors(checkpoint_file(data.base_weights, BACKBONE)) if spec.is_tuned else None
    return spec.base, spec.base_tap, joint, joint_tensors, backbone, trained_on(data.base_weights)
