"""EfficientNet-lite0 in plain torch (Tan and Le, 2019; the lite variant of 2020: ReLU6, no squeeze and excitation).

The names of layers are those of the published state dictionary, `_conv_stem.weight` to `_fc.bias`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

_EPS = 1e-3
"""Of the published network; torch's own is 1e-5, with which its vectors would be others."""


@dataclass(frozen=True, slots=True)
class BlockLayout:
    """Inverted bottlenecks one behind the other: the first one has the stride, all widen their input by `expand`."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    width: int


@dataclass(frozen=True, slots=True)
class EfficientNetLayout:
    """The widths of the network: stem, blocks, last map, classes."""

    stem: int
    blocks: tuple[BlockLayout, ...]
    embedding: int
    classes: int


LITE0 = EfficientNetLayout(
    stem=32,
    blocks=(
        BlockLayout(1, 3, 1, 1, 16),
        BlockLayout(2, 3, 2, 6, 24),
        BlockLayout(2, 5, 2, 6, 40),
        BlockLayout(3, 3, 2, 6, 80),
        BlockLayout(3, 5, 1, 6, 112),
        BlockLayout(4, 5, 2, 6, 192),
        BlockLayout(1, 3, 1, 6, 320),
    ),
    embedding=1280,
    classes=1000,
)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does it: with a stride, the odd row and column go below and right.

    Torch's own padding is the same on both sides. With it every map would be seen half a step off, which still gives
    plausible vectors, only worse ones.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that torch calls it by
        (top, bottom), (left, right) = (self.zeros_around(side) for side in input.shape[-2:])
        if top == bottom and left == right:
            return functional.conv2d(input, self.weight, self.bias, self.stride, (top, left), groups=self.groups)
        padded = functional.pad(input, [left, right, top, bottom])
        return functional.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)

    def zeros_around(self, side: int) -> tuple[int, int]:
        """Rows of zeros before and behind a map of this side."""
        total = max((-(-side // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - side, 0)
        return total // 2, total - total // 2


class InvertedBottleneck(nn.Module):
    """Widen, filter each channel, narrow without an activation; the input is added where it has the same shape."""

    def __init__(self, narrow: int, layout: BlockLayout, stride: int) -> None:
        super().__init__()
        wide = narrow * layout.expand
        self._is_wider = layout.expand > 1
        if self._is_wider:
            self._expand_conv = SameConv(narrow, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=_EPS)
        self._depthwise_conv = SameConv(wide, wide, layout.kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=_EPS)
        self._project_conv = SameConv(wide, layout.width, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(layout.width, eps=_EPS)
        self.adds_input = stride == 1 and narrow == layout.width

    def forward(self, maps: Tensor) -> Tensor:
        widened: Tensor = maps
        if self._is_wider:
            widened = functional.relu6(self._bn0(self._expand_conv(widened)), inplace=True)
        widened = functional.relu6(self._bn1(self._depthwise_conv(widened)), inplace=True)
        widened = self._bn2(self._project_conv(widened))
        return widened + maps if self.adds_input else widened


class EfficientNet(nn.Module):
    """The network. Its batch normalisation keeps the published statistics, also while it is tuned: batches of some
    dozen pictures, chosen to look alike, would spoil them."""

    def __init__(self, layout: EfficientNetLayout) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, layout.stem, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(layout.stem, eps=_EPS)
        self._blocks = nn.ModuleList()
        narrow = layout.stem
        for block in layout.blocks:
            for number in range(block.repeats):
                self._blocks.append(InvertedBottleneck(narrow, block, 1 if number else block.stride))
                narrow = block.width
        self._conv_head = SameConv(narrow, layout.embedding, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(layout.embedding, eps=_EPS)
        self._fc = nn.Linear(layout.embedding, layout.classes)

    def forward(self, pictures: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        """The taps [n, dim] of pictures [n, 3, h, w]: `features`, the last map flattened; `embedding`, its mean over
        places; `logits` of the classes."""
        maps: Tensor = functional.relu6(self._bn0(self._conv_stem(pictures)), inplace=True)
        for block in self._blocks:
            maps = block(maps)
        maps = functional.relu6(self._bn1(self._conv_head(maps)), inplace=True)
        embedding = maps.mean(dim=(2, 3))
        vectors = {"embedding": embedding}
        asked_taps = set(taps)
        if "features" in asked_taps:
            vectors["features"] = maps.flatten(1)
        if "logits" in asked_taps:
            vectors["logits"] = self._fc(embedding)
        return {name: vectors[name] for name in asked_taps}

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def last_block(self, tap: str) -> list[nn.Module]:
        """The layer with weights that comes last before a tap."""
        return [self._fc if tap == "logits" else self._conv_head]


def blank_efficientnet(layout: EfficientNetLayout) -> EfficientNet:
    """The network without memory for its weights, to be filled by `load_state_dict(..., assign=True)`."""
    with torch.device("meta"):
        return EfficientNet(layout).eval()


def fuse_normalisation(network: EfficientNet) -> EfficientNet:
    """The network with its normalisation inside the convolutions, in place: the same vectors but for rounding."""
    _fuse_layer(network, "_conv_stem", "_bn0")
    _fuse_layer(network, "_conv_head", "_bn1")
    for block in network.get_submodule("_blocks").children():
        if hasattr(block, "_expand_conv"):
            _fuse_layer(block, "_expand_conv", "_bn0")
        _fuse_layer(block, "_depthwise_conv", "_bn1")
        _fuse_layer(block, "_project_conv", "_bn2")
    return network


def _fuse_layer(parent: nn.Module, conv: str, norm: str) -> None:
    layer, statistics = parent.get_submodule(conv), parent.get_submodule(norm)
    if isinstance(layer, nn.Conv2d) and isinstance(statistics, nn.BatchNorm2d):
        setattr(parent, conv, fuse_conv_bn_eval(layer, statistics))
        setattr(parent, norm, nn.Identity())
