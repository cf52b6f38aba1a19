"""`deep-ranking`: towers that share weights, a hinge on Euclidean distances, close negatives mined every round.

Dense(1024, ReLU), dropout 0.4, Dense(512), batch norm over the network's features; max(0, g + D(q, p) - D(q, n)) with
g = 0.05. Every round (epoch) starts by finding, with the network as it is, the wrong answers nearest to each anchor;
negatives are drawn from them. Triplet accuracy and loss are reported for training and validation; the best is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.training.common.backbones import Backbone
from models_registry.training.common.heads import Normalise, export_head
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.labels import validation as judging
from models_registry.training.labels.batch_sampler import members_by_group
from models_registry.training.labels.class_whitening import whitened_start
from models_registry.training.labels.groups import Groups, check_groups, ways_of
from models_registry.training.labels.losses import hinge_loss
from models_registry.training.labels.margins import margins_met
from models_registry.training.labels.recipes.ranking_outcome import TAP, write_ranking_outcome
from models_registry.training.labels.run_context import Session, in_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.metrics import Metric
    from models_registry.training.common.recipe_base import OnProgress, Outcome
    from models_registry.training.labels.label_configs import DeepRankingConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures
    from models_registry.training.labels.reviewed_triplets import Reviewed

    Ids = NDArray[np.int64]

METRIC: Metric = "l2"
_VALIDATION_TRIPLETS = 2000


class DeepRanking:
    """The recipe."""

    def check(self, data: LabelledPictures, config: DeepRankingConfig) -> None:
        check_groups(data, config)

    def run(
        self, data: LabelledPictures, config: DeepRankingConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        session = Session("deep-ranking", data, config, workdir)
        groups = Groups.from_session(session, config)
        backbone = Backbone(session)
        head = ranking_tower(session, groups, config).to(backbone.device)
        task = _training_task(session, config, groups, backbone, head)
        fitted = fit(task, config, workdir, session.digest, on_progress=on_progress, resume=resume)
        return write_ranking_outcome(
            session,
            config,
            fitted,
            METRIC,
            vectors_of=lambda rows: backbone.head_vectors(head, rows),
            head=export_head(list(head), [(TAP, len(head))]),
        )


def ranking_tower(session: Session, groups: Groups, config: DeepRankingConfig) -> nn.Sequential:
    """The layers over the features; one set of weights serves query, positive and negative.

    With `whiten` the features come whitened by how the pictures of one group differ and at length 1, which is not
    trained, and the layers begin as the identity on them.
    """
    torch.manual_seed(config.seed)
    width = config.dim if config.whiten else session.features.dim
    layers = [
        nn.Linear(width, config.wide),
        nn.ReLU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.wide, config.dim),
        nn.BatchNorm1d(config.dim),
    ]
    if not config.whiten:
        return nn.Sequential(*layers)
    whitened = nn.Sequential(*whitened_start(session, groups, config.dim), Normalise())
    whitened.requires_grad_(requires_grad=False)
    rows = session.splits["train"]
    begin_as_identity(layers, torch.from_numpy(in_blocks(lambda part: whitened(session.features.take(part)), rows)))
    return nn.Sequential(*whitened, *layers)


def begin_as_identity(layers: Sequence[nn.Module], vectors: Tensor) -> None:
    """Set dense, ReLU, dropout, dense, batch norm so that they give `vectors` [n, d] back.

    x = max(0, x) - max(0, -x): a pair of units for each number ("looks linear", Balduzzi and others, 2017); units
    beyond the pairs are left as they were drawn and not listened to yet. Numbers for which there is no pair are lost.
    """
    first, _, _, second, norm = layers
    if not (isinstance(first, nn.Linear) and isinstance(second, nn.Linear) and isinstance(norm, nn.BatchNorm1d)):
        raise TypeError("A tower is dense, ReLU, dropout, dense, batch norm.")
    pairs = min(second.out_features, first.out_features // 2)
    unit = torch.eye(pairs)
    with torch.no_grad():
        first.weight[: 2 * pairs] = 0
        first.weight[:pairs, :pairs], first.weight[pairs : 2 * pairs, :pairs] = unit, -unit
        first.bias[: 2 * pairs] = 0
        second.weight.zero_()
        second.weight[:pairs, :pairs], second.weight[:pairs, pairs : 2 * pairs] = unit, -unit
        second.bias.zero_()
        mean, variance = vectors.mean(dim=0), vectors.var(dim=0)
        norm.running_mean, norm.running_var = mean.clone(), variance.clone()
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)


class CloseNegatives:
    """Triplets whose negatives are among the `close` nearest wrong pictures of their anchor."""

    def __init__(self, rows: Ids, group_of: Ids, is_query: NDArray[np.bool_] | None, close: int) -> None:
        rows = rows[group_of[rows] >= 0]
        self._group_of, self._close = group_of, close
        self._anchors = rows if is_query is None else rows[is_query[rows]]
        self._answers = rows if is_query is None else rows[~is_query[rows]]
        answers = members_by_group(self._answers, group_of[self._answers])
        self._positives = {group: part for group, part in answers.items() if is_query is not None or len(part) > 1}
        self._anchors = self._anchors[np.isin(group_of[self._anchors], list(self._positives))]

    @property
    def has_anchors(self) -> bool:
        """Whether any picture has a positive."""
        return len(self._anchors) > 0

    def mine_triplets(self, vectors: Tensor, count: int, rng: np.random.Generator) -> Ids:
        """So many triplets [n, 3] at most. `vectors` [all pictures, d] are those of the network as it is now."""
        anchors = rng.choice(self._anchors, min(count, 4 * len(self._anchors)))
        positives = np.array([self._draw_positive(int(anchor), rng) for anchor in anchors], dtype=np.int64)
        negatives = np.concatenate(
            [self._draw_negatives(anchors[start : start + 512], vectors, rng) for start in range(0, len(anchors), 512)]
        )
        return np.stack([anchors, positives, negatives], axis=1)[negatives >= 0]

    def _draw_positive(self, anchor: int, rng: np.random.Generator) -> int:
        members = self._positives[int(self._group_of[anchor])]
        others = members[members != anchor]
        return int(others[rng.integers(len(others))])

    def _draw_negatives(self, anchors: Ids, vectors: Tensor, rng: np.random.Generator) -> Ids:
        distances = torch.cdist(vectors[torch.from_numpy(anchors)], vectors[torch.from_numpy(self._answers)])
        same = torch.from_numpy(self._group_of[anchors][:, None] == self._group_of[self._answers][None, :])
        distances[same.to(distances.device)] = float("inf")
        width = min(self._close, distances.shape[1])
        near, columns = torch.topk(distances, width, largest=False)
        usable = torch.isfinite(near).sum(dim=1).numpy(force=True)
        drawn = (rng.random(len(anchors)) * np.maximum(usable, 1)).astype(np.int64)
        rows = self._answers[columns.numpy(force=True)[np.arange(len(anchors)), drawn]]
        return np.where(usable > 0, rows, -1)


def _training_task(
    session: Session, config: DeepRankingConfig, groups: Groups, backbone: Backbone, head: nn.Sequential
) -> Task:
    miner = CloseNegatives(session.splits["train"], groups.group_of, groups.is_query, config.close)
    validation = session.splits["val"]
    question = judging.question_of(session.data, validation, ways_of(config)[0])
    plane_map = judging.Map(session.data.keys, validation, lambda rows: backbone.head_vectors(head, rows))
    held_out = _held_out(session, config, groups, backbone)
    validation_miner = CloseNegatives(validation, groups.group_of, groups.is_query, config.close)

    def draw_batches(_epoch: int, rng: np.random.Generator) -> Iterator[Ids]:
        table = _vectors_of(session, backbone, head, session.splits["train"])
        mined = miner.mine_triplets(table, config.triplets, rng)
        triplets = with_reviewed(mined, session.reviewed, rng)
        for start in range(0, len(triplets) - 1, config.batch_size):
            yield triplets[start : start + config.batch_size]

    def batch_loss(triplets: Ids) -> tuple[Tensor, dict[str, float]]:
        anchor, positive, negative = head(backbone.base_vectors(triplets.T.ravel(), training=True)).chunk(3)
        value, accuracy = hinge_loss(anchor, positive, negative, config.margin)
        return value, {"triplet_accuracy": float(accuracy), **margins_met(anchor, positive, negative, config.margin)}

    def measure_validation() -> Measured:
        values = judging.judge_vectors(question, backbone.head_vectors(head, validation), METRIC)
        if held_out is not None:
            anchor, positive, negative = head(backbone.base_vectors(held_out.T.ravel(), training=False)).chunk(3)
            value, accuracy = hinge_loss(anchor, positive, negative, config.margin)
            values |= {"validation_loss": float(value), "validation_triplet_accuracy": float(accuracy)}
        if validation_miner.has_anchors:
            table = _vectors_of(session, backbone, head, validation)
            mined = validation_miner.mine_triplets(table, _VALIDATION_TRIPLETS, np.random.default_rng(config.seed))
            anchor, positive, negative = table[torch.from_numpy(mined.T.copy())]
            margin_shares = margins_met(anchor, positive, negative, config.margin)
            values |= {f"validation_{name}": share for name, share in margin_shares.items()}
        return Measured(
            judging.ranking_score(values),
            values,
            plane_map.plane_positions(),
            plane_map.keys,
        )

    optimiser = torch.optim.AdamW(head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    return Task(head, optimiser, draw_batches, batch_loss, measure_validation)


def with_reviewed(mined: Ids, reviewed: Reviewed, rng: np.random.Generator) -> Ids:
    """The mined triplets [n, 3] without those that people rejected, and those that they accepted among them."""
    not_rejected = mined[reviewed.not_rejected(mined)]
    accepted = reviewed.draw_accepted(max(1, len(mined) // 4), rng)
    return not_rejected if not len(accepted) else rng.permutation(np.concatenate([not_rejected, accepted]))


def _vectors_of(session: Session, backbone: Backbone, head: nn.Sequential, rows: Ids) -> Tensor:
    """The present network's vectors of these pictures [all pictures, d]; zeros elsewhere, never looked at."""
    vectors = torch.from_numpy(backbone.head_vectors(head, rows)).to(backbone.device)
    table = torch.zeros(len(session.data), vectors.shape[1], device=backbone.device)
    table[torch.from_numpy(rows)] = vectors
    return table


def _held_out(session: Session, config: DeepRankingConfig, groups: Groups, backbone: Backbone) -> Ids | None:
    """Validation triplets, the same in every epoch: negatives close by the raw features; None where there are none."""
    miner = CloseNegatives(session.splits["val"], groups.group_of, groups.is_query, config.close)
    if not miner.has_anchors:
        return None
    rows = session.splits["val"]
    table = torch.zeros(len(session.data), backbone.dim, device=backbone.device)
    table[torch.from_numpy(rows)] = backbone.base_vectors(rows, training=False)
    mined = miner.mine_triplets(table, _VALIDATION_TRIPLETS, np.random.default_rng(config.seed))
    return mined if len(mined) else None


RECIPE = DeepRanking()
