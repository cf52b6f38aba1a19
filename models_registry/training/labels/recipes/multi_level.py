"""`multi-level`: triplets from levels of shared attributes, beside a baseline that knows a single attribute.

Products are too sparse and categories too coarse as labels; how many attributes two pictures share lies between. Both
trainings have the same network, the same number of triplets and the same epochs, and are judged in one table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from models_registry.training.common.backbones import Backbone, TunedNetwork
from models_registry.training.common.heads import Normalise, export_head
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.labels import validation as judging
from models_registry.training.labels.attribute_report import graded_table
from models_registry.training.labels.attributes import AttributeTable, LevelOf, SameOrNot, draw_triplets
from models_registry.training.labels.run_context import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.metrics import Metric
    from models_registry.training.common.recipe_base import OnProgress, Outcome
    from models_registry.training.labels.label_configs import AttributeConfig, MultiLevelConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures

    Ids = NDArray[np.int64]

TAP = "embedding"
METRIC: Metric = "cosine"
LEVELS, SINGLE = "multi-level", "single attribute"


class MultiLevel:
    """The recipe."""

    def check(self, data: LabelledPictures, config: MultiLevelConfig) -> None:
        Backbone.require_tunable(data)
        AttributeTable.from_pictures(data).values_of(config.single)

    def run(
        self, data: LabelledPictures, config: MultiLevelConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        session = Session("multi-level", data, config, workdir)
        table = AttributeTable.from_pictures(data)
        rows = session.splits["train"]
        miners: dict[str, LevelOf] = {
            LEVELS: LevelOf(table, rows, [float(bound) for bound in config.levels], config.known, config.likeness)
        }
        if config.baseline:
            miners[SINGLE] = SameOrNot(table.values_of(config.single), rows)
        for part, miner in miners.items():
            if not len(draw_triplets(rows, miner, 1, np.random.default_rng(config.seed))):
                raise UnusableLabels(
                    f"No triplet of {data.name} can be drawn for {part}: no training picture sees others at two levels "
                    "with enough attributes known of both; lower known, or change levels."
                )
        vectors, head_and_weights, fits = {}, None, {}
        for part, miner in miners.items():
            backbone, head = embedding_network(session, config)
            task = _training_task(session, config, part, miner, backbone, head)
            fitted = fit(task, config, workdir, session.digest, on_progress=on_progress, resume=resume)
            vectors[part] = backbone.head_vectors(head, session.splits["test"])
            fits[part] = {"epochs": fitted.epochs, "best_epoch": fitted.best_epoch, "validation": fitted.best_score}
            head_and_weights = head_and_weights or (head, backbone.exported_weights())
        if head_and_weights is None:
            raise RuntimeError("At least one part is trained.")
        metrics = graded_table(session, table, vectors, METRIC, best=LEVELS, others=[SINGLE] if config.baseline else [])
        metrics |= {"fits": fits, "validation": fits[LEVELS]["validation"]}
        metrics["neighbours"] = judging.neighbours_to_show(data, session.splits["test"], vectors[LEVELS], METRIC, None)
        return session.write_outcome(
            *export_head(list(head_and_weights[0]), [(TAP, len(head_and_weights[0]))]),
            metrics,
            backbone=head_and_weights[1],
        )


def embedding_network(session: Session, config: AttributeConfig) -> tuple[TunedNetwork, nn.Sequential]:
    """The VGG and a projection over it, both as they are before the first step, the same for every part."""
    torch.manual_seed(config.seed)
    backbone = TunedNetwork(session.data, augment=config.augment)
    return backbone, nn.Sequential(nn.Linear(backbone.dim, config.dim), Normalise()).to(backbone.device)


def steps_of(session: Session, config: AttributeConfig) -> int:
    """Batches in an epoch."""
    return config.batches or max(1, len(session.splits["train"]) // config.batch_size)


def epoch_validator(session: Session, backbone: TunedNetwork, head: nn.Module) -> Any:
    """What is measured after an epoch: recall, mAP@R and the map of the validation pictures."""
    validation = session.splits["val"]
    question = judging.question_of(session.data, validation)
    plane_map = judging.Map(session.data.keys, validation, lambda rows: backbone.head_vectors(head, rows))

    def measure_validation() -> Measured:
        values = judging.judge_vectors(question, backbone.head_vectors(head, validation), METRIC)
        return Measured(
            judging.ranking_score(values),
            values,
            plane_map.plane_positions(),
            plane_map.keys,
        )

    return measure_validation


def _training_task(
    session: Session,
    config: MultiLevelConfig,
    part: str,
    miner: LevelOf,
    backbone: TunedNetwork,
    head: nn.Sequential,
) -> Task:
    rows = session.splits["train"]

    def draw_batches(_epoch: int, rng: np.random.Generator) -> Iterator[Ids]:
        for _ in range(steps_of(session, config)):
            drawn = draw_triplets(rows, miner, config.batch_size // 2, rng)
            accepted = session.reviewed.draw_accepted(config.batch_size // 8, rng)
            yield np.concatenate([drawn[session.reviewed.not_rejected(drawn)], accepted])

    def batch_loss(triplets: Ids) -> tuple[Tensor, dict[str, float]]:
        # A picture that is in several triplets goes through the network once.
        distinct, row_of_picture = np.unique(triplets.T.ravel(), return_inverse=True)
        vectors = head(backbone.base_vectors(distinct, training=True))
        anchor, positive, negative = vectors[torch.from_numpy(row_of_picture)].chunk(3)
        value = nn.functional.triplet_margin_loss(anchor, positive, negative, margin=config.margin)
        near = (anchor - positive).norm(dim=1) < (anchor - negative).norm(dim=1)
        return value, {"triplet_accuracy": float(near.float().mean())}

    module = nn.ModuleDict({"head": head, "backbone": backbone.module})
    optimiser = torch.optim.AdamW(module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    return Task(module, optimiser, draw_batches, batch_loss, epoch_validator(session, backbone, head), part)


RECIPE = MultiLevel()
