"""The settings of the recipes that learn from votes: plain values, readable without the training libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models_registry.training.base import RecipeConfig


@dataclass(frozen=True, slots=True)
class VoteConfig(RecipeConfig):
    """What every recipe of votes can be told. `fewest` votes must be there to learn from."""

    fewest: int = 100

    def __post_init__(self) -> None:
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
class AdapterConfig(VoteConfig):
    """`adapter`: the shape of the map and its strength are chosen by `folds` unless `shape` names one.

    `directions` are the principal ones kept of each encoder. With `labels` the catalogue's categories make one block
    more, which the votes may give weight to or not. Below `plain_below` votes only the plainer shapes are tried.
    `target` hamming makes `bits` signs to be compared instead of a vector under cosine.
    """

    shape: Literal["auto", "scale", "diagonal", "full"] = "auto"
    folds: int = 4
    directions: int = 128
    labels: bool = True
    plain_below: int = 500
    target: Literal["cosine", "hamming"] = "cosine"
    bits: int = 512

    def __post_init__(self) -> None:
        VoteConfig.__post_init__(self)
        if self.folds < 2 or self.directions < 1 or self.bits < 8:
            raise ValueError("folds must be at least 2, directions at least 1 and bits at least 8.")
