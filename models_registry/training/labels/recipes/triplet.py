"""`triplet`: metric learning with a projection over any backbone.

The network's classification part gives way to a projection; pictures of one group (product, category, or product
across two domains) are pulled together, others pushed away. The loss and the miner are chosen by name. Triplets that
people accepted are learnt from beside them, those that they rejected never come together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.encoders.shallow_paths import DIVISOR
from models_registry.training.common.backbones import Backbone, backbone_of
from models_registry.training.common.heads import Normalise, export_head
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.common.tuned_weights import Tuning, require_library
from models_registry.training.labels import validation as judging
from models_registry.training.labels.class_whitening import whitened_start
from models_registry.training.labels.groups import Groups, check_groups, ways_of
from models_registry.training.labels.label_configs import PROXIES
from models_registry.training.labels.losses import BatchMemory, loss_named, miner_named, reviewed_loss
from models_registry.training.labels.margins import batch_margins, validation_margins
from models_registry.training.labels.recipes.ranking_outcome import TAP, write_ranking_outcome
from models_registry.training.labels.run_context import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.metrics import Metric
    from models_registry.training.common.recipe_base import OnProgress, Outcome
    from models_registry.training.labels.label_configs import TripletConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures

    Ids = NDArray[np.int64]

METRIC: Metric = "cosine"


class Triplet:
    """The recipe."""

    def check(self, data: LabelledPictures, config: TripletConfig) -> None:
        check_groups(data, config)
        if config.loss == "n-pair" and config.by == "domains":
            raise UnusableLabels(
                "loss=n-pair pairs pictures of one batch and cannot tell two domains apart; with by=domains choose "
                "triplet, contrastive, multi-similarity, softpn or proxy-anchor."
            )
        if config.tune != "head":
            Backbone.require_tunable(data)
            require_library(config.tune)
        if config.shallow and any(side % DIVISOR for side in data.base.rules.size):
            height, width = data.base.rules.size
            raise UnusableLabels(
                f"shallow needs pictures whose height and width are multiples of {DIVISOR}, not {height} x {width}."
            )

    def run(
        self, data: LabelledPictures, config: TripletConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        session = Session("triplet", data, config, workdir)
        groups = Groups.from_session(session, config)
        tuning = None if config.tune == "head" else Tuning(config.tune, config.blocks, config.rank, config.seed)
        backbone = backbone_of(session, tuning=tuning, augment=config.augment, shallow=config.shallow)
        head = projection_head(session, config, groups, backbone).to(backbone.device)
        task = _training_task(session, config, groups, backbone, head)
        fitted = fit(task, config, workdir, session.digest, on_progress=on_progress, resume=resume)
        return write_ranking_outcome(
            session,
            config,
            fitted,
            METRIC,
            vectors_of=lambda rows: backbone.head_vectors(head, rows),
            head=export_head(list(head), [(TAP, len(head))]),
            backbone=backbone.exported_weights(),
            tuned=backbone.base,
        )


def projection_head(session: Session, config: TripletConfig, groups: Groups, backbone: Backbone) -> nn.Sequential:
    """One linear layer to `dim` numbers and length 1; over frozen features it begins as a whitening."""
    torch.manual_seed(config.seed)
    if not backbone.is_tuned:
        centre, unit, linear = whitened_start(session, groups, config.dim)
        return nn.Sequential(centre, unit, nn.Dropout(config.dropout), linear, Normalise())
    return nn.Sequential(nn.Dropout(config.dropout), nn.Linear(backbone.dim, config.dim), Normalise())


def _training_task(
    session: Session, config: TripletConfig, groups: Groups, backbone: Backbone, head: nn.Sequential
) -> Task:
    criterion = loss_named(config.loss, margin=config.margin, classes=len(groups.names), dim=config.dim)
    criterion.to(backbone.device)
    miner = miner_named(config.miner, margin=config.margin)
    labels = torch.from_numpy(groups.group_of).to(backbone.device)
    validation = session.splits["val"]
    question = judging.question_of(session.data, validation, ways_of(config)[0])
    plane_map = judging.Map(session.data.keys, validation, lambda rows: backbone.head_vectors(head, rows))
    module = nn.ModuleDict({"head": head, "criterion": criterion, "backbone": backbone.module})
    if groups.is_query is not None and config.loss in PROXIES:
        groups = Groups(groups.group_of, groups.names, None, groups.sampler, groups.batches)
    memory = BatchMemory(config.memory) if config.memory else None
    margins_of_validation = validation_margins(
        session, config, groups, miner, lambda rows: backbone.head_vectors(head, rows)
    )

    def draw_batches(_epoch: int, rng: np.random.Generator) -> Iterator[tuple[Ids, Ids]]:
        if memory is not None:
            memory.clear()
        for rows in groups.draw_batches(rng):
            yield session.reviewed.without_rejected(rows), session.reviewed.draw_accepted(config.groups, rng)

    def batch_loss(batch: tuple[Ids, Ids]) -> tuple[Tensor, dict[str, float]]:
        rows, accepted = batch
        vectors = head(backbone.base_vectors(rows, training=True))
        group_labels = labels[torch.from_numpy(rows)]
        is_query = None if groups.is_query is None else torch.from_numpy(groups.is_query[rows]).to(backbone.device)
        if is_query is None:
            value = criterion(vectors, group_labels, miner(vectors, group_labels) if miner is not None else None)
        else:
            value = cross_domain_loss(criterion, miner, vectors, group_labels, is_query)
        if memory is not None:
            value = value + memory.remembered_loss(criterion, miner, vectors, group_labels)
            memory.add(vectors, group_labels)
        if len(accepted):
            value = value + reviewed_loss(head(backbone.base_vectors(accepted.T.ravel(), training=True)), config.margin)
        return value, {
            **_batch_distances(vectors, group_labels),
            **batch_margins(vectors, group_labels, miner, config.margin, is_query),
        }

    def measure_validation() -> Measured:
        values = (
            judging.judge_vectors(question, backbone.head_vectors(head, validation), METRIC) | margins_of_validation()
        )
        return Measured(
            judging.ranking_score(values),
            values,
            plane_map.plane_positions(),
            plane_map.keys,
        )

    network = [*head.parameters(), *backbone.module.parameters()]
    optimiser = _optimiser_of(config, network, list(criterion.parameters()))
    return Task(module, optimiser, draw_batches, batch_loss, measure_validation)


def _optimiser_of(config: TripletConfig, network: list[nn.Parameter], proxies: list[nn.Parameter]) -> torch.optim.AdamW:
    """Proxies learn at a rate of their own; a loss without proxies has no part."""
    rates = [(network, config.learning_rate), (proxies, config.learning_rate * config.proxy_rate)]
    parts = [{"params": params, "lr": rate} for params, rate in rates if params]
    return torch.optim.AdamW(parts, weight_decay=config.weight_decay)


def cross_domain_loss(
    criterion: nn.Module, miner: nn.Module | None, vectors: Tensor, labels: Tensor, is_query: Tensor
) -> Tensor:
    """Anchors of one domain against positives and negatives of the other, both ways round."""
    total = vectors.sum() * 0
    for side in (is_query, ~is_query):
        anchors, answers = vectors[side], vectors[~side]
        mined = miner(anchors, labels[side], answers, labels[~side]) if miner is not None else None
        total = total + criterion(anchors, labels[side], mined, answers, labels[~side])
    return total / 2


def _batch_distances(vectors: Tensor, labels: Tensor) -> dict[str, float]:
    """Mean distances of equal and of different pictures in the batch: both at 0 would be a collapse."""
    with torch.no_grad():
        distances = torch.cdist(vectors, vectors)
        same = labels[:, None] == labels[None, :]
        different = ~same
        same.fill_diagonal_(False)
        return {
            "distance_same": float(distances[same].mean()) if bool(same.any()) else 0.0,
            "distance_other": float(distances[different].mean()) if bool(different.any()) else 0.0,
        }


RECIPE = Triplet()
