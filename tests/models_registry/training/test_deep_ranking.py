"""The tower of `deep-ranking` begins as the identity on whitened features."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models_registry.training.labels.recipes.deep_ranking import begin_as_identity


def tower(width: int, wide: int, dim: int) -> list[nn.Module]:
    return [nn.Linear(width, wide), nn.ReLU(), nn.Dropout(0.4), nn.Linear(wide, dim), nn.BatchNorm1d(dim)]


@pytest.mark.parametrize("wide", [16, 21])
def test_vectors_come_out_as_they_went_in(wide: int) -> None:
    vectors = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    layers = tower(8, wide, 8)
    begin_as_identity(layers, vectors)
    whole = nn.Sequential(*layers).eval()
    assert torch.allclose(whole(vectors), vectors, atol=1e-5)


def test_with_too_few_pairs_the_first_numbers_are_kept() -> None:
    vectors = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    layers = tower(8, 10, 8)
    begin_as_identity(layers, vectors)
    whole = nn.Sequential(*layers).eval()
    assert torch.allclose(whole(vectors)[:, :5], vectors[:, :5], atol=1e-5)
    assert torch.allclose(whole(vectors)[:, 5:].std(dim=0), torch.zeros(3), atol=1e-5)
