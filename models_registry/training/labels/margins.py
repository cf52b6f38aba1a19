"""How far a run has come by its triplets: how many meet the margin, and how many anchors still learn from one.

A loss that falls says little once most triplets give no gradient any more: then harder ones are wanted, or the run is
at its end. Validation is looked at in batches mined as those of training are, so that both can be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from models_registry.training.labels.batch_sampler import BalancedSampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from models_registry.training.labels.groups import Groups
    from models_registry.training.labels.label_configs import MetricConfig
    from models_registry.training.labels.run_context import Session

    Ids = NDArray[np.int64]
    Side = tuple[Tensor, Tensor]

MET, LEFT = "margin_met", "gradient_left"
_BATCHES = 4


def batch_margins(
    vectors: Tensor, labels: Tensor, miner: nn.Module | None, margin: float, is_query: Tensor | None = None
) -> dict[str, float]:
    """Of a batch [n, d] at length 1: the share of its triplets whose negative is farther than the positive by the
    margin, and the share of anchors that have a mined triplet for which that is not so.

    With `is_query` [n] anchors are of one domain and their answers of the other, both ways round. Empty where the batch
    has no triplet.
    """
    sides = [None] if is_query is None else [is_query, ~is_query]
    met = total = learning = anchors = 0
    with torch.no_grad():
        for side in sides:
            anchor_side = (vectors, labels) if side is None else (vectors[side], labels[side])
            answer_side = None if side is None else (vectors[~side], labels[~side])
            counts = _count_margins(anchor_side, answer_side, miner, margin)
            met, total = met + counts[0], total + counts[1]
            learning, anchors = learning + counts[2], anchors + counts[3]
    return {MET: met / total, LEFT: learning / anchors} if total else {}


def margins_met(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> dict[str, float]:
    """The same of mined triplets [n, d] each, by Euclidean distances: under a hinge all others give a gradient."""
    with torch.no_grad():
        gaps = (anchor - negative).norm(dim=1) - (anchor - positive).norm(dim=1)
        share = float((gaps >= margin).float().mean())
    return {MET: share, LEFT: 1 - share}


def validation_margins(
    session: Session,
    config: MetricConfig,
    groups: Groups,
    miner: nn.Module | None,
    vectors_of: Callable[[Ids], NDArray[np.float32]],
) -> Callable[[], dict[str, float]]:
    """What tells the same of validation pictures, in the same few batches each time; nothing where they have no two
    of a group."""
    rows = session.splits["val"]
    group_of_row = groups.group_of[rows]
    sampler = BalancedSampler(
        rows, group_of_row, np.zeros_like(group_of_row), groups=config.groups, per_group=config.per_group, categories=1
    )
    drawn = list(sampler.draw_batches(_BATCHES, np.random.default_rng(config.seed))) if sampler.usable_groups else []

    def measure_margins() -> dict[str, float]:
        margins_by_batch = []
        for batch in drawn:
            vectors, labels = torch.from_numpy(vectors_of(batch)), torch.from_numpy(groups.group_of[batch])
            is_query = None if groups.is_query is None else torch.from_numpy(groups.is_query[batch])
            margins_by_batch.append(batch_margins(vectors, labels, miner, config.margin, is_query))
        with_triplets = [one for one in margins_by_batch if one]
        return {
            f"validation_{name}": float(np.mean([one[name] for one in with_triplets]))
            for name in (with_triplets or [{}])[0]
        }

    return measure_margins


def _count_margins(
    anchor_side: Side, answer_side: Side | None, miner: nn.Module | None, margin: float
) -> tuple[int, int, int, int]:
    """Triplets that meet the margin, all triplets, anchors that still learn, all anchors.

    Triplets are counted by places in sorted distances and not made: a batch of 1,800 has 100 million.
    """
    vectors, labels = anchor_side
    others, other_labels = answer_side or anchor_side
    distances = torch.cdist(vectors, others)
    same = labels[:, None] == other_labels[None, :]
    positive, negative = same.clone(), ~same
    if answer_side is None:
        positive.fill_diagonal_(False)
    negatives, usable = negative.sum(dim=1), positive.any(dim=1) & negative.any(dim=1)
    in_order = torch.where(negative, distances, torch.inf).sort(dim=1).values
    nearer = torch.searchsorted(in_order, distances + margin)
    met = (negatives[:, None] - torch.minimum(nearer, negatives[:, None]))[positive].sum()
    if miner is None or not positive.any():
        learning = (positive & (nearer > 0)).any(dim=1).sum()
    else:
        mined = miner(vectors, labels, *(answer_side or ()))
        learning = torch.unique(mined[0][_triplet_gaps(vectors, others, mined) < margin]).numel()
    return int(met), int((positive.sum(dim=1) * negatives).sum()), int(learning), int(usable.sum())


def _triplet_gaps(anchors: Tensor, answers: Tensor, triplets: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """By how much each negative is farther from its anchor than the positive is."""
    anchor, positive, negative = triplets
    gaps: Tensor = (anchors[anchor] - answers[negative]).norm(dim=1) - (anchors[anchor] - answers[positive]).norm(dim=1)
    return gaps
