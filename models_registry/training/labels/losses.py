"""Losses by name. What pytorch-metric-learning has is taken from there; SoftPN is ours.

A loss takes embeddings [n, d], labels [n] and, where triplets were mined, their indices; `ref_emb` and `ref_labels`
are the other side where anchors and positives come from different domains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from pytorch_metric_learning import losses, miners
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.utils import loss_and_miner_utils
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from models_registry.training.labels.label_configs import LossName, MinerName


def loss_named(name: LossName, *, margin: float, classes: int, dim: int, euclidean: bool = False) -> nn.Module:
    """The loss of this name. `euclidean` takes distances between the vectors as they are, else at length 1.

    `classes` and `dim` are for proxy-anchor and proxy-nca, which learn a proxy per class.
    """
    distance = LpDistance(normalize_embeddings=not euclidean)
    makers: dict[str, Callable[[], nn.Module]] = {
        "triplet": lambda: losses.TripletMarginLoss(margin=margin, distance=distance),
        "contrastive": lambda: losses.ContrastiveLoss(pos_margin=0.0, neg_margin=margin, distance=distance),
        "n-pair": losses.NPairsLoss,
        "multi-similarity": losses.MultiSimilarityLoss,
        "proxy-anchor": lambda: losses.ProxyAnchorLoss(num_classes=classes, embedding_size=dim),
        "proxy-nca": lambda: losses.ProxyNCALoss(num_classes=classes, embedding_size=dim, softmax_scale=9.0),
        "lifted": lambda: losses.LiftedStructureLoss(neg_margin=1.0, distance=distance),
        "softpn": lambda: SoftPN(euclidean=euclidean),
    }
    return makers[name]()


def miner_named(name: MinerName, *, margin: float, euclidean: bool = False) -> nn.Module | None:
    """The miner of this name; None for `none`, which leaves all triplets of a batch to the loss."""
    distance = LpDistance(normalize_embeddings=not euclidean)
    makers: dict[str, Callable[[], nn.Module]] = {
        "semi-hard": lambda: miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=distance),
        "hard": lambda: miners.BatchHardMiner(distance=distance),
    }
    return makers[name]() if name in makers else None


class SoftPN(nn.Module):
    """SoftPN on triplets (Balntas and others, PN-Net, 2016): the mean over triplets of

        (e^P / (e^P + e^N))² + (e^N / (e^P + e^N) - 1)²

    with P the distance of anchor and positive and N the smaller one of anchor or positive to the negative. Without
    mined triplets all those of the batch count.
    """

    def __init__(self, *, euclidean: bool = False) -> None:
        super().__init__()
        self._euclidean = euclidean

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        indices_tuple: Any = None,
        ref_emb: Tensor | None = None,
        ref_labels: Tensor | None = None,
    ) -> Tensor:
        """The loss, a scalar; 0 where the batch has no triplet."""
        others = embeddings if ref_emb is None else ref_emb
        other_labels = labels if ref_labels is None else ref_labels
        anchor, positive, negative = loss_and_miner_utils.convert_to_triplets(
            indices_tuple, labels, other_labels, t_per_anchor="all"
        )
        if not len(anchor):
            return embeddings.sum() * 0
        if not self._euclidean:
            embeddings, others = nn.functional.normalize(embeddings), nn.functional.normalize(others)
        a, p, n = embeddings[anchor], others[positive], others[negative]
        near = nn.functional.pairwise_distance(a, p)
        far = torch.minimum(nn.functional.pairwise_distance(a, n), nn.functional.pairwise_distance(p, n))
        share = torch.softmax(torch.stack([near, far]), dim=0)
        return (share[0] ** 2 + (share[1] - 1) ** 2).mean()


class BatchMemory:
    """Cross-batch memory: the newest `size` vectors of an epoch with their labels, compared with the batch at hand.

    A projection drifts slowly, so vectors of the last batches are nearly what it would give now, and a batch meets far
    more negatives than it holds (Wang and others, 2020). It begins empty in every epoch, so that a run which goes on
    from a checkpoint remembers what an undisturbed one does.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: tuple[Tensor, Tensor] | None = None

    def clear(self) -> None:
        """Forget all."""
        self._kept = None

    def add(self, vectors: Tensor, labels: Tensor) -> None:
        """Remember these [n, d]; the oldest give way. No gradient flows back into them."""
        vectors = vectors.detach()
        if self._kept is not None:
            vectors, labels = torch.cat([self._kept[0], vectors]), torch.cat([self._kept[1], labels])
        self._kept = vectors[-self._size :], labels[-self._size :]

    def remembered_loss(self, criterion: nn.Module, miner: nn.Module | None, vectors: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch whose positives and negatives are the remembered ones; 0 while there are none."""
        if self._kept is None:
            return vectors.sum() * 0
        mined = miner(vectors, labels, *self._kept) if miner is not None else None
        value: Tensor = criterion(vectors, labels, mined, *self._kept)
        return value


def reviewed_loss(vectors: Tensor, margin: float) -> Tensor:
    """The triplet margin loss of accepted triplets; `vectors` [3n, d] are all anchors, all positives, all negatives."""
    anchor, positive, negative = vectors.chunk(3)
    return nn.functional.triplet_margin_loss(anchor, positive, negative, margin=margin)


def hinge_loss(anchor: Tensor, positive: Tensor, negative: Tensor, gap: float) -> tuple[Tensor, Tensor]:
    """max(0, gap + D(a, p) - D(a, n)) averaged over triplets [n, d], D Euclidean, not squared (deep ranking); and
    the share of triplets whose positive is the nearer one."""
    near = torch.linalg.vector_norm(anchor - positive + 1e-12, dim=1)
    far = torch.linalg.vector_norm(anchor - negative + 1e-12, dim=1)
    return torch.relu(gap + near - far).mean(), (near < far).float().mean()
