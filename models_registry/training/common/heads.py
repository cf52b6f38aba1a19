"""Heads while they are trained, and as they are kept: layers that numpy can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.encoders.checkpoint import HeadSpec, HeadTap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.encoders.checkpoint import LayerKind


class Centre(nn.Module):
    """x - mean; the mean of the training vectors, which is not trained."""

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.mean: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return x - self.mean


class Normalise(nn.Module):
    """x / |x|."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, eps=1e-12)


class Guesses(nn.Module):
    """x with the probabilities softmax(x @ weight.T + bias) of some classes behind it; they are not trained."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.weight: Tensor
        self.bias: Tensor

    def forward(self, x: Tensor) -> Tensor:
        scores = nn.functional.linear(x, self.weight, self.bias)
        return torch.cat([x, scores.softmax(dim=1)], dim=1)


def export_head(
    layers: Sequence[nn.Module], taps: Sequence[tuple[str, int]]
) -> tuple[HeadSpec, dict[str, NDArray[np.float32]]]:
    """The layers as a checkpoint keeps them. `taps` are names and the numbers of modules in front of them, of which at
    least one has tensors.

    Dropout does nothing outside training and is left out; batch normalisation is folded into scale and shift.
    """
    kinds: list[LayerKind] = []
    tensors: dict[str, NDArray[np.float32]] = {}
    width = 0
    behind: list[tuple[int, int]] = []
    for module in layers:
        layer = _layer_of_module(module)
        if layer is not None:
            kind, parts = layer
            tensors.update({f"{len(kinds)}.{name}": values for name, values in parts.items()})
            kinds.append(kind)
            if parts:
                width = sum(parts["weight"].shape) if kind == "guesses" else len([*parts.values()][-1])
        behind.append((width, len(kinds)))
    return HeadSpec(tuple(kinds), tuple(HeadTap(name, *behind[after - 1]) for name, after in taps)), tensors


def _layer_of_module(module: nn.Module) -> tuple[LayerKind, dict[str, NDArray[np.float32]]] | None:
    if isinstance(module, nn.Dropout):
        return None
    if isinstance(module, nn.Linear):
        return "linear", {"weight": _float_array(module.weight), "bias": _float_array(module.bias)}
    if isinstance(module, Centre):
        return "centre", {"mean": _float_array(module.mean)}
    if isinstance(module, Guesses):
        return "guesses", {"weight": _float_array(module.weight), "bias": _float_array(module.bias)}
    if isinstance(module, nn.ReLU):
        return "relu", {}
    if isinstance(module, Normalise):
        return "normalise", {}
    if isinstance(module, nn.BatchNorm1d) and module.running_mean is not None and module.running_var is not None:
        scale = module.weight / torch.sqrt(module.running_var + module.eps)
        return "batchnorm", {
            "scale": _float_array(scale),
            "shift": _float_array(module.bias - module.running_mean * scale),
        }
    raise TypeError(f"A head cannot keep a {type(module).__name__}.")


def _float_array(values: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.detach().cpu().numpy(), dtype=np.float32)
