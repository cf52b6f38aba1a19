"""Shallow paths over the shrunk picture beside a deep network, as one network (VisNet: Shankar and others, 2017).

A deep network forgets pattern and colour on its way to what a thing is. One convolution over the picture at a quarter
and at an eighth of its size keeps them. Deep vector and paths stand side by side, each at length 1, and learn together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

SCALES = (4, 8)
WIDTH, SIDE, KERNEL = 32, 4, 5
DIM = len(SCALES) * WIDTH * SIDE**2
"""Numbers that the paths bring beside those of the deep network."""
DIVISOR = max(SCALES) * SIDE
"""Height and width of the pictures are multiples of this, so that every path ends in a map of SIDE."""


class ShallowPaths(nn.Module):
    """A deep network and the paths; takes and gives what the deep one does, DIM numbers longer."""

    def __init__(self, deep: nn.Module) -> None:
        super().__init__()
        self.deep = deep
        self.paths = nn.ModuleList(nn.Conv2d(3, WIDTH, KERNEL, padding=KERNEL // 2) for _ in SCALES)

    def forward(self, pictures: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        """The taps [n, dim + DIM] of pictures [n, 3, h, w]."""
        path_vectors = [
            self._path_vectors(path, pictures, scale) for path, scale in zip(self.paths, SCALES, strict=True)
        ]
        deep_vectors: dict[str, Tensor] = self.deep(pictures, taps)
        return {
            tap: torch.cat([nn.functional.normalize(deep), *path_vectors], dim=1) for tap, deep in deep_vectors.items()
        }

    def _path_vectors(self, path: nn.Module, pictures: Tensor, scale: int) -> Tensor:
        shrunk = nn.functional.avg_pool2d(pictures, scale)
        maps = torch.relu(path(shrunk))
        pooled = nn.functional.max_pool2d(maps, [side // SIDE for side in maps.shape[-2:]])
        return nn.functional.normalize(pooled.flatten(1))


def with_paths(deep: nn.Module, seed: int) -> ShallowPaths:
    """The deep network with paths drawn from a generator of their own: nothing else in the process changes them."""
    network = ShallowPaths(deep)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for path in network.paths:
            if isinstance(path, nn.Conv2d) and path.bias is not None:
                path.weight.normal_(0.0, (2 / path.weight[0].numel()) ** 0.5, generator=generator)
                path.bias.zero_()
    return network
