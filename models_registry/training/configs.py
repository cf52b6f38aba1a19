"""The settings of the recipes that learn from labels: plain values, readable without the training libraries."""

from __future__ import annotations

from dataclasses import dataclass

from models_registry.training.base import RecipeConfig


@dataclass(frozen=True, slots=True)
class LoopConfig(RecipeConfig):
    """What the common loop can be told.

    Training stops after `patience` epochs without a better validation measure, after `epochs` at the latest; the best
    epoch is what is kept.
    """

    epochs: int = 40
    patience: int = 8
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1.")
        if not self.learning_rate > 0:
            raise ValueError("learning_rate must be above 0.")


@dataclass(frozen=True, slots=True)
class RetrainConfig(LoopConfig):
    """`retrain`: Dense(`hidden`, ReLU) and a softmax over the categories, by Adadelta as the original had it.

    `top_categories` keeps only the so many most common categories of the training pictures; 0 keeps all.
    """

    hidden: int = 4096
    top_categories: int = 0
    learning_rate: float = 1.0
