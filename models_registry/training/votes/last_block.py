"""The last block of a network before a tap, changed itself or by a product of low rank, and how far it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils import parametrize

from models_registry.encoders.efficientnet.efficientnet_network import EfficientNet
from models_registry.encoders.hf.hf_network import HfNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from models_registry.encoders.tunable_networks import TunableNetwork

_LINEAR = {"fc6": 0, "fc7": 3}


def last_block(network: TunableNetwork, tap: str) -> list[nn.Module]:
    """The layers with weights that come last before a tap: a fully connected one, or the last block's convolutions."""
    if isinstance(network, EfficientNet):
        return network.last_block(tap)
    if isinstance(network, HfNetwork):
        blocks, _ = network.blocks_before(tap)
        return [layer for layer in blocks[-1].modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    if tap.removesuffix("-pre") in _LINEAR:
        return [network.classifier[_LINEAR[tap.removesuffix("-pre")]]]
    block: list[nn.Module] = []
    # A block ends with its pooling, the last one too.
    for layer in list(network.features)[:-1]:
        if isinstance(layer, nn.MaxPool2d):
            block = []
        elif isinstance(layer, nn.Conv2d):
            block.append(layer)
    return block


class LowRank(nn.Module):
    """weight + up @ down, the product of rank r (LoRA: Hu and others, 2021); it begins at nothing."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape[0], weight[0].numel()
        rank_used = min(rank, rows, columns)
        self.down = nn.Parameter(torch.randn(rank_used, columns, device=weight.device) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank_used, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def with_low_rank(block: Sequence[nn.Module], rank: int) -> list[nn.Module]:
    """Give every layer of the block a change of low rank; returns the changes, which alone are to be trained."""
    changes: list[nn.Module] = []
    for layer in block:
        change = LowRank(layer.get_parameter("weight"), rank)
        parametrize.register_parametrization(layer, "weight", change)
        changes.append(change)
    return changes


def merge_low_rank(block: Sequence[nn.Module]) -> None:
    """Put changes of low rank into the weights they change; nothing where there are none."""
    for layer in block:
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight")


class Pull:
    """How far the weights of layers are from where they were: |w - w0|² / |w0|², all layers together."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self._layers = layers
        self._start = [weight.detach().clone() for weight in self._weight_tensors()]
        self._size = sum(float((weight**2).sum()) for weight in self._start)

    def __call__(self) -> Tensor:
        """The distance, a scalar that gradients flow through."""
        parts = [((now - was) ** 2).sum() for now, was in zip(self._weight_tensors(), self._start, strict=True)]
        return torch.stack(parts).sum() / self._size

    def _weight_tensors(self) -> list[Tensor]:
        tensors = [getattr(layer, name) for layer in self._layers for name in ("weight", "bias")]
        return [tensor for tensor in tensors if isinstance(tensor, torch.Tensor)]
