"""`multi-task`: masked attribute classification, triplet ranking and a variational autoencoder.

Joint training and each task alone, with the same network, batches and epochs, are judged in one table. An attribute
value that is not known is masked out of the loss, so that products of different kinds train together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.training.common.backbones import Backbone
from models_registry.training.common.heads import export_head
from models_registry.training.common.training_loop import Task, fit
from models_registry.training.labels import validation
from models_registry.training.labels.attribute_report import graded_table
from models_registry.training.labels.attributes import AttributeTable
from models_registry.training.labels.batch_sampler import BalancedSampler
from models_registry.training.labels.labelled_pictures import label_codes
from models_registry.training.labels.latent_walk import Walk, latent_walk
from models_registry.training.labels.losses import loss_named, miner_named, reviewed_loss
from models_registry.training.labels.recipes.multi_level import (
    METRIC,
    TAP,
    embedding_network,
    epoch_validator,
    steps_of,
)
from models_registry.training.labels.run_context import Session, in_blocks, require_products

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.training.common.backbones import TunedNetwork
    from models_registry.training.common.recipe_base import OnProgress, Outcome
    from models_registry.training.labels.label_configs import MultiTaskConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures

    Ids = NDArray[np.int64]

JOINT = "joint"
TASKS = ("attributes", "triplet", "vae")
_SIDE = 32


class MultiTask:
    """The recipe."""

    def check(self, data: LabelledPictures, config: MultiTaskConfig) -> None:
        Backbone.require_tunable(data)
        require_products(data)
        AttributeTable.from_pictures(data)

    def run(
        self, data: LabelledPictures, config: MultiTaskConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        session = Session("multi-task", data, config, workdir)
        table = AttributeTable.from_pictures(data)
        vectors, fits = {}, {}
        head_and_weights, walk = None, None
        for part in (JOINT, *TASKS):
            backbone, head = embedding_network(session, config)
            heads = Heads(backbone, head, table, config).to(backbone.device)
            task = _training_task(session, config, part, heads)
            fitted = fit(task, config, workdir, session.digest, on_progress=on_progress, resume=resume)
            vectors[part] = backbone.head_vectors(head, session.splits["test"])
            fits[part] = {"epochs": fitted.epochs, "best_epoch": fitted.best_epoch, "validation": fitted.best_score}
            head_and_weights = head_and_weights or (head, backbone.exported_weights())
            walk = walk or _walk_of(session, heads)
        if head_and_weights is None or walk is None:
            raise RuntimeError("At least one part is trained.")
        metrics = graded_table(session, table, vectors, METRIC, best=JOINT, others=TASKS)
        walk.write(workdir)
        metrics |= {"fits": fits, "validation": fits[JOINT]["validation"], "walk": walk.to_json()}
        neighbours = validation.neighbours_to_show(data, session.splits["test"], vectors[JOINT], METRIC, None)
        metrics["neighbours"] = neighbours
        return session.write_outcome(
            *export_head(list(head_and_weights[0]), [(TAP, len(head_and_weights[0]))]),
            metrics,
            backbone=head_and_weights[1],
        )


class Heads(nn.Module):
    """What the three tasks hang on one embedding: a classifier per attribute, a decoder."""

    def __init__(
        self, backbone: TunedNetwork, head: nn.Sequential, table: AttributeTable, config: MultiTaskConfig
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.network = backbone.module
        self.head = head
        self.classifiers = nn.ModuleList(nn.Linear(config.dim, size) for size in table.sizes)
        self.spread = nn.Linear(backbone.dim, config.dim)
        self.decoder = nn.Sequential(
            nn.Linear(config.dim, 64 * 4 * 4), nn.ReLU(), nn.Unflatten(1, (64, 4, 4)),
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(16, 3, 4, 2, 1),
        )  # fmt: skip
        self._labels = torch.from_numpy(table.values).to(backbone.device)
        self._margin = config.margin
        self._miner = miner_named("semi-hard", margin=config.margin)
        self._ranking = loss_named("triplet", margin=config.margin, classes=0, dim=config.dim)

    def task_losses(self, rows: Ids, accepted: Ids, products: Tensor, tasks: frozenset[str]) -> dict[str, Tensor]:
        """The loss of each wanted task for these pictures; `accepted` triplets [n, 3] are ranked beside them."""
        pictures = self.backbone.prepared_pixels(rows, training=True)
        features = self.backbone.network_vectors(pictures)
        losses: dict[str, Tensor] = {}
        inner = self.head[0](features)
        embedding = self.head(features)
        if "attributes" in tasks:
            losses["attributes"] = masked_attributes(
                [classifier(inner) for classifier in self.classifiers], self._labels[torch.from_numpy(rows)]
            )
        if "triplet" in tasks:
            mined = self._miner(embedding, products) if self._miner is not None else None
            losses["triplet"] = self._ranking(embedding, products, mined)
            if len(accepted):
                triplet_vectors = self.head(self.backbone.base_vectors(accepted.T.ravel(), training=True))
                losses["triplet"] = losses["triplet"] + reviewed_loss(triplet_vectors, self._margin)
        if "vae" in tasks:
            target = nn.functional.adaptive_avg_pool2d(pictures, _SIDE)
            losses["vae"] = evidence_bound_loss(self.decoder, inner, self.spread(features), target)
        return losses


def _walk_of(session: Session, heads: Heads) -> Walk:
    """What the decoder makes of codes along the dimensions in which those of the validation pictures differ most."""
    code = heads.head[0]
    codes = in_blocks(
        lambda rows: code(heads.backbone.base_vectors(rows, training=False)), session.splits["val"], size=256
    )
    return latent_walk(heads.decoder, codes, session.data.base.rules)


def masked_attributes(logits_by_attribute: list[Tensor], labels: Tensor) -> Tensor:
    """Mean cross-entropy over the attribute values that are known, 0 where nothing is.

    `logits_by_attribute` are [n, values] each, `labels` [n, attributes] with -1 for what is not known.
    """
    total = torch.stack([logits.sum() * 0 for logits in logits_by_attribute]).sum()
    count = 0
    for number, logits in enumerate(logits_by_attribute):
        is_known = labels[:, number] >= 0
        if bool(is_known.any()):
            expected = labels[is_known, number]
            total = total + nn.functional.cross_entropy(logits[is_known], expected, reduction="sum")
            count += int(is_known.sum())
    return total / max(count, 1)


def evidence_bound_loss(decoder: nn.Module, mean: Tensor, log_variance: Tensor, target: Tensor) -> Tensor:
    """The negative evidence bound per pixel: mean squared error of what is decoded from a drawn code, and the
    divergence of the codes N(mean, e^log_variance) from N(0, 1)."""
    log_variance = log_variance.clamp(-8, 8)
    code = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
    pixel_error = nn.functional.mse_loss(decoder(code), target)
    divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1).mean()
    return pixel_error + divergence / target[0].numel()


def _training_task(session: Session, config: MultiTaskConfig, part: str, heads: Heads) -> Task:
    rows = session.splits["train"]
    product_of, _ = label_codes(session.data.products)
    category_of, _ = label_codes(session.data.categories)
    sampler = BalancedSampler(
        rows, product_of[rows], category_of[rows],
        groups=config.groups, per_group=config.per_group, categories=config.groups,
    )  # fmt: skip
    products = torch.from_numpy(product_of).to(heads.backbone.device)
    weights = {
        "attributes": config.attributes_weight,
        "triplet": config.triplet_weight,
        "vae": config.vae_weight,
    }
    tasks = frozenset(TASKS if part == JOINT else (part,))

    def draw_batches(_epoch: int, rng: np.random.Generator) -> Iterator[tuple[Ids, Ids]]:
        for drawn in sampler.draw_batches(steps_of(session, config), rng):
            yield session.reviewed.without_rejected(drawn), session.reviewed.draw_accepted(config.groups, rng)

    def batch_loss(batch: tuple[Ids, Ids]) -> tuple[Tensor, dict[str, float]]:
        drawn, accepted = batch
        losses = heads.task_losses(drawn, accepted, products[torch.from_numpy(drawn)], tasks)
        total = torch.stack([losses[name] * (weights[name] if part == JOINT else 1.0) for name in sorted(losses)]).sum()
        return total, {f"{name}_loss": float(value.detach()) for name, value in losses.items()}

    optimiser = torch.optim.AdamW(heads.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    return Task(heads, optimiser, draw_batches, batch_loss, epoch_validator(session, heads.backbone, heads.head), part)


RECIPE = MultiTask()
