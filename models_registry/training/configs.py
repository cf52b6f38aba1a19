"""The settings of the recipes that learn from labels: plain values, readable without the training libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models_registry.training.base import RecipeConfig


@dataclass(frozen=True, slots=True)
class LoopConfig(RecipeConfig):
    """What the common loop can be told.

    Training stops after `patience` epochs without a better validation measure, after `epochs` at the latest; the best
    epoch is what is kept.

    `split`: by a hash of the product (else of the cluster of near duplicates) and `salt`, in the shares given; or as
    the catalogue's own column says (train, val, test).
    """

    epochs: int = 40
    patience: int = 8
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    split: Literal["hash", "catalogue"] = "hash"
    validation_share: float = 0.1
    test_share: float = 0.2
    salt: str = "labels"

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1.")
        if not self.learning_rate > 0:
            raise ValueError("learning_rate must be above 0.")
        if not 0 < self.validation_share < 1 or not 0 < self.test_share < 1 - self.validation_share:
            raise ValueError("validation_share and test_share must be above 0 and leave something to train on.")


@dataclass(frozen=True, slots=True)
class RetrainConfig(LoopConfig):
    """`retrain`: Dense(`hidden`, ReLU) and a softmax over the categories, by Adadelta as the original had it.

    `top_categories` keeps only the so many most common categories of the training pictures; 0 keeps all.
    """

    hidden: int = 4096
    top_categories: int = 0
    learning_rate: float = 1.0
    patience: int = 5


LossName = Literal["triplet", "contrastive", "n-pair", "multi-similarity", "proxy-anchor", "softpn"]
MinerName = Literal["semi-hard", "hard", "none"]


@dataclass(frozen=True, slots=True)
class MetricConfig(LoopConfig):
    """What recipes that learn a metric share.

    `by`: pictures are the same where their product is, their category is, or their product is and one of them comes
    from `query_domain` and the other from `gallery_domain`. Batches hold `groups` such groups with `per_group` pictures
    each, from `categories` categories; `batches` of them make an epoch, 0 for as many as show each picture about once.
    """

    by: Literal["product", "category", "domains"] = "product"
    query_domain: str = "street"
    gallery_domain: str = "shop"
    margin: float = 0.2
    dim: int = 256
    groups: int = 16
    per_group: int = 4
    categories: int = 8
    batches: int = 0
    patience: int = 6
    epochs: int = 30


@dataclass(frozen=True, slots=True)
class TripletConfig(MetricConfig):
    """`triplet`: a projection of `dim` numbers over a frozen network, or over a VGG that is tuned with it.

    `dropout` drops so much of the base network's vector while training; `augment` varies pictures where the network
    is tuned, so strongly.
    """

    loss: LossName = "triplet"
    miner: MinerName = "semi-hard"
    tune: Literal["head", "backbone"] = "head"
    dropout: float = 0.2
    augment: float = 0.3
    learning_rate: float = 3e-4


@dataclass(frozen=True, slots=True)
class DeepRankingConfig(MetricConfig):
    """`deep-ranking`: Dense(`wide`, ReLU), dropout, Dense(`dim`), batch norm; hinge on Euclidean distances.

    Every round the `close` nearest wrong answers of each anchor are found with the network as it is then, and
    negatives drawn from them.
    """

    wide: int = 1024
    dim: int = 512
    dropout: float = 0.4
    margin: float = 0.05
    whiten: bool = True
    close: int = 10
    triplets: int = 4096
    learning_rate: float = 3e-4


@dataclass(frozen=True, slots=True)
class AttributeConfig(LoopConfig):
    """What the recipes share that learn from attributes, from the pixels, with a VGG under them.

    `augment` varies the pictures so strongly while training; `batches` make an epoch, 0 for as many as show each
    picture about once.
    """

    dim: int = 128
    margin: float = 0.2
    augment: float = 0.3
    batch_size: int = 64
    batches: int = 0
    epochs: int = 20
    patience: int = 6
    learning_rate: float = 1e-3


@dataclass(frozen=True, slots=True)
class MultiLevelConfig(AttributeConfig):
    """`multi-level`: a triplet takes its positive from a higher level of shared attributes than its negative.

    `levels` are the bounds between the levels of one category, falling; other categories are the last level. A pair
    counts where at least `known` attributes are known of both. `single` is the attribute of the baseline: `category` or
    the name of one.
    """

    levels: tuple[str, ...] = ("0.8", "0.5")
    known: int = 3
    single: str = "category"
    baseline: bool = True

    def __post_init__(self) -> None:
        AttributeConfig.__post_init__(self)
        bounds = [float(bound) for bound in self.levels]
        if not bounds or sorted(bounds, reverse=True) != bounds or not all(0 < bound <= 1 for bound in bounds):
            raise ValueError("levels must fall, between 1 and 0, such as 0.8,0.5.")


@dataclass(frozen=True, slots=True)
class MultiTaskConfig(AttributeConfig):
    """`multi-task`: masked attributes, triplets and a variational autoencoder, together and each alone.

    The weights are those of the joint loss. `groups` products with `per_group` pictures make a batch of triplets.
    """

    attributes_weight: float = 0.1
    triplet_weight: float = 1.0
    vae_weight: float = 0.05
    groups: int = 16
    per_group: int = 4
