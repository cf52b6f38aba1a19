"""The settings of the recipes that learn from labels: plain values, readable without the training libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models_registry.training.common.recipe_base import RecipeConfig


@dataclass(frozen=True, slots=True)
class LoopConfig(RecipeConfig):
    """What the common loop can be told.

    Training stops after `patience` epochs without a better validation measure, after `epochs` at the latest; the best
    epoch is what is kept.

    `schedule` cosine lets the rate of learning rise over the first `warmup` share of all steps and fall to 0 along a
    cosine. `clip` shortens longer gradients to this length; 0 leaves them. `average` keeps a running mean of the
    weights, each step weighing 1 - `average`, and judges and keeps that; 0 keeps the weights themselves.

    `split`: by a hash and `salt`, in the shares given; or as the catalogue's own column says (train, val, test).

    `split_by`: what a hash never parts: a product (else a cluster of near duplicates), a category, or what an attribute
    names, `department`, say. Validation and test then show what training shows nothing of, and tell what the encoder is
    worth there.

    `snapshot`: learn from what an earlier run learnt from, as it was then, by the name on its card; the catalogue as it
    is now where none is named.
    """

    epochs: int = 40
    patience: int = 8
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = 0.05
    clip: float = 0.0
    average: float = 0.0
    split: Literal["hash", "catalogue"] = "hash"
    split_by: str = "product"
    validation_share: float = 0.1
    test_share: float = 0.2
    salt: str = "labels"
    snapshot: str = ""

    def __post_init__(self) -> None:
        RecipeConfig.__post_init__(self)
        _require_at_least(1, self, "epochs", "patience", "batch_size")
        if not self.learning_rate > 0:
            raise ValueError("learning_rate must be above 0.")
        if self.split_by != "product" and self.split == "catalogue":
            raise ValueError("split_by says what a hash keeps whole: leave it away with split=catalogue.")
        if not self.validation_share > 0 or not 0 < self.test_share < 1 - self.validation_share:
            raise ValueError("validation_share and test_share must be above 0 and leave something to train on.")


def _require_at_least(least: int, config: LoopConfig, *names: str) -> None:
    """Raise ValueError naming the first of these settings that is less."""
    for name in names:
        if getattr(config, name) < least:
            raise ValueError(f"{name} must be at least {least}.")


@dataclass(frozen=True, slots=True)
class RetrainConfig(LoopConfig):
    """`retrain`: Dense(`hidden`, ReLU) and a softmax over the categories, by Adadelta as the original had it.

    `top_categories` keeps only the so many most common categories of the training pictures; 0 keeps all. `balance`
    shows every category equally often, so that rare ones are not outvoted.
    """

    hidden: int = 4096
    top_categories: int = 0
    balance: bool = False
    learning_rate: float = 1.0
    patience: int = 5

    def __post_init__(self) -> None:
        LoopConfig.__post_init__(self)
        _require_at_least(1, self, "hidden")
        if self.split_by != "product":
            raise ValueError("retrain learns to tell categories apart: split_by may keep none of them out of training.")


@dataclass(frozen=True, slots=True)
class PostConfig(LoopConfig):
    """`post`: the steps in their order, `centre`, `pca=N`, `whiten=N` and `l2`."""

    post: tuple[str, ...] = ("centre", "whiten=256", "l2")

    def __post_init__(self) -> None:
        LoopConfig.__post_init__(self)
        post_steps(self.post)


def post_steps(steps: tuple[str, ...]) -> list[tuple[str, int]]:
    """The names of steps with their number of directions, 0 for those that have none; raises ValueError."""
    steps_and_counts = []
    for step in steps:
        name, _, number = step.partition("=")
        takes_number = name in {"pca", "whiten"}
        is_right = number.isdecimal() and int(number) > 0 if takes_number else not number
        if name not in {"centre", "pca", "whiten", "l2"} or not is_right:
            raise ValueError(f"post takes centre, pca=N, whiten=N and l2 with commas between, not {step}.")
        steps_and_counts.append((name, int(number or 0)))
    if not steps_and_counts:
        raise ValueError("post needs at least one step.")
    return steps_and_counts


LossName = Literal[
    "triplet", "contrastive", "n-pair", "multi-similarity", "proxy-anchor", "proxy-nca", "lifted", "softpn"
]
PROXIES: tuple[LossName, ...] = ("proxy-anchor", "proxy-nca")
"""Losses that learn a proxy per class."""
REMEMBERING: tuple[LossName, ...] = ("triplet", "contrastive", "multi-similarity", "softpn")
"""Losses that compare a batch with vectors of batches before."""
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

    def __post_init__(self) -> None:
        LoopConfig.__post_init__(self)
        _require_at_least(1, self, "dim", "groups", "per_group")


@dataclass(frozen=True, slots=True)
class TripletConfig(MetricConfig):
    """`triplet`: a projection of `dim` numbers over a frozen network, or over one that is tuned with it.

    `tune`: the projection alone (head), all weights of the network (backbone), those of its last `blocks` blocks and
    of what comes behind them, 0 for all blocks, or changes of `rank` to the layers there (lora).
    `dropout` drops so much of the base network's vector while training; `augment` varies pictures where the network
    is tuned, so strongly. `proxy_rate` is by how much faster the proxies of a loss learn than the projection (Kim et
    al., 2020, take 100). `memory` compares each batch also with so many vectors of the batches before it in the epoch
    (cross-batch memory, Wang and others, 2020); 0 with none. `shallow` joins a tuned network with shallow paths over
    the shrunk picture (VisNet), which are kept and exported as one encoder.
    """

    loss: LossName = "triplet"
    miner: MinerName = "semi-hard"
    tune: Literal["head", "backbone", "blocks", "lora"] = "head"
    blocks: int = 2
    rank: int = 8
    dropout: float = 0.2
    augment: float = 0.3
    learning_rate: float = 3e-4
    proxy_rate: float = 100.0
    memory: int = 0
    shallow: bool = False

    def __post_init__(self) -> None:
        MetricConfig.__post_init__(self)
        if not self.proxy_rate > 0:
            raise ValueError("proxy_rate must be above 0.")
        if self.shallow and self.tune != "backbone":
            raise ValueError("shallow paths learn beside a network that is tuned: set tune=backbone too.")
        _require_at_least(1, self, "rank")
        if self.memory and (self.loss not in REMEMBERING or self.by == "domains"):
            raise ValueError(f"memory goes with the losses {', '.join(REMEMBERING)}, by product or category.")


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

    def __post_init__(self) -> None:
        MetricConfig.__post_init__(self)
        _require_at_least(1, self, "wide", "close", "triplets")


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

    def __post_init__(self) -> None:
        LoopConfig.__post_init__(self)
        _require_at_least(1, self, "dim")


@dataclass(frozen=True, slots=True)
class MultiLevelConfig(AttributeConfig):
    """`multi-level`: a triplet takes its positive from a higher level of shared attributes than its negative.

    `levels` are the bounds between the levels of one category, falling; other categories are the last level. `likeness`
    is what is bounded: the share of the attributes known of both that agree, or their `overlap`, what both have over
    what either has (intersection over union), so that a tag that one of them lacks counts against them. A pair counts
    where at least `known` attributes are known of both, all of them where there are fewer; with overlap of either.
    `single` is the attribute of the baseline: `category` or the name of one.
    """

    levels: tuple[str, ...] = ("0.8", "0.5")
    likeness: Literal["share", "overlap"] = "share"
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

    def __post_init__(self) -> None:
        AttributeConfig.__post_init__(self)
        _require_at_least(1, self, "groups", "per_group")
