"""The settings of the recipes that learn from votes: plain values, readable without the training libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models_registry.training.common.recipe_base import RecipeConfig


@dataclass(frozen=True, slots=True)
class VoteConfig(RecipeConfig):
    """What every recipe of votes can be told. `fewest` votes must be there to learn from."""

    fewest: int = 100

    def __post_init__(self) -> None:
        RecipeConfig.__post_init__(self)
        if self.fewest < 2:
            raise ValueError("fewest must be at least 2.")


@dataclass(frozen=True, slots=True)
class CalibrateConfig(VoteConfig):
    """`calibrate`: `wanted` is the probability of a like from which on an answer is worth showing."""

    wanted: float = 0.5

    def __post_init__(self) -> None:
        VoteConfig.__post_init__(self)
        if not 0 < self.wanted < 1:
            raise ValueError("wanted must lie between 0 and 1.")


@dataclass(frozen=True, slots=True)
class MapConfig(VoteConfig):
    """What recipes share that learn a map: its shape and strength are chosen by `folds` unless `shape` names one.

    `directions` are the principal ones kept of each encoder. With `labels` the catalogue's categories make one block
    more, which the votes may give weight to or not. Below `plain_below` votes only the plainer shapes are tried.
    """

    shape: Literal["auto", "scale", "diagonal", "full"] = "auto"
    folds: int = 4
    directions: int = 128
    labels: bool = True
    plain_below: int = 500

    def __post_init__(self) -> None:
        VoteConfig.__post_init__(self)
        if self.folds < 2 or self.directions < 1:
            raise ValueError("folds must be at least 2 and directions at least 1.")


@dataclass(frozen=True, slots=True)
class AdapterConfig(MapConfig):
    """`adapter`: `target` hamming makes `bits` signs to be compared instead of a vector under cosine."""

    target: Literal["cosine", "hamming"] = "cosine"
    bits: int = 512

    def __post_init__(self) -> None:
        MapConfig.__post_init__(self)
        if self.bits < 8:
            raise ValueError("bits must be at least 8.")


@dataclass(frozen=True, slots=True)
class FineTuneConfig(MapConfig):
    """`fine-tune`: the last block before the tap learns along (`tune` block), or a change of it of `rank` (lora).

    `strength` pulls both network and map to where they start; `augment` varies pictures so strongly while training.
    Training stops after `patience` epochs without a smaller loss on pairs of held-out items. `schedule`, `warmup`,
    `clip` and `average` are those of training from labels. `device` is auto, cpu or cuda.
    """

    tune: Literal["block", "lora"] = "block"
    rank: int = 8
    strength: float = 1.0
    augment: float = 0.0
    epochs: int = 20
    patience: int = 4
    batch_size: int = 64
    learning_rate: float = 1e-4
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = 0.05
    clip: float = 0.0
    average: float = 0.0
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        MapConfig.__post_init__(self)
        if min(self.rank, self.epochs, self.patience, self.batch_size) < 1:
            raise ValueError("rank, epochs, patience and batch_size must be at least 1.")
        if not self.learning_rate > 0:
            raise ValueError("learning_rate must be above 0.")


@dataclass(frozen=True, slots=True)
class VoteTripletsConfig(VoteConfig):
    """`vote-triplets`: hinge with `margin` on cosine distance; `replay` label triplets per vote triplet.

    Training stops after `patience` epochs without better two-alternative accuracy on items held out for that.
    """

    margin: float = 0.05
    replay: float = 0.5
    strength: float = 1e-3
    directions: int = 128
    labels: bool = True
    epochs: int = 60
    patience: int = 8
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        VoteConfig.__post_init__(self)
        if not self.margin > 0 or not self.learning_rate > 0 or self.epochs < 1 or self.patience < 1:
            raise ValueError("margin and learning_rate must be above 0, epochs and patience at least 1.")


@dataclass(frozen=True, slots=True)
class TasteConfig(VoteConfig):
    """`taste`: an offset for every voter with `personal_from` votes, held by `hold` imagined votes for the common map.

    `hold` 0 has it chosen by votes held out.
    """

    personal_from: int = 100
    hold: float = 0.0
    directions: int = 128
    labels: bool = True

    def __post_init__(self) -> None:
        VoteConfig.__post_init__(self)
        if self.personal_from < 10:
            raise ValueError("personal_from must be at least 10.")
