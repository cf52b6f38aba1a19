"""VGG in plain torch: the published layout and a small sibling, without hooks.

The forward pass returns every tap that is asked for itself. A hook on a linear layer that is followed by an in-place
ReLU would hand back the values after the ReLU, and say that they are from before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


@dataclass(frozen=True, slots=True)
class VggLayout:
    """The widths of a VGG: convolutions per block, the side of the pooled map, the fully connected layers."""

    blocks: tuple[tuple[int, ...], ...]
    pooled: int
    hidden: int
    classes: int

    @property
    def flat_length(self) -> int:
        """Length of the pooled map, flattened."""
        return self.blocks[-1][-1] * self.pooled**2


VGG16 = VggLayout(
    blocks=((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
    pooled=7,
    hidden=4096,
    classes=1000,
)
TINY = VggLayout(blocks=((8,), (16,), (32,), (64,), (64,)), pooled=2, hidden=256, classes=10)


def layout_of(family: str) -> VggLayout:
    """The layout of a family of encoders; raises KeyError for one that is no VGG."""
    return {"tiny-vgg": TINY, "vgg16.imagenet": VGG16, "vgg16.random": VGG16}[family]


class Vgg(nn.Module):
    """The network; its state dictionary has the published keys, `features.0.weight` to `classifier.6.bias`."""

    def __init__(self, layout: VggLayout) -> None:
        super().__init__()
        self.features = nn.Sequential(*_convolution_layers(layout))
        self.pool = nn.AdaptiveAvgPool2d(layout.pooled)
        self.classifier = nn.Sequential(
            nn.Linear(layout.flat_length, layout.hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(layout.hidden, layout.hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(layout.hidden, layout.classes),
        )

    def forward(self, pictures: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        """The taps [n, dim] of pictures [n, 3, h, w]; `-pre` is before the ReLU. Unasked layers are skipped.

        `pool5` is what the convolutions give, flattened: what a new classifier is trained on.
        """
        asked_taps = set(taps)
        vectors: dict[str, Tensor] = {}
        flat = torch.flatten(self.pool(self.features(pictures)), 1)
        vectors["pool5"] = flat
        if asked_taps <= {"pool5"}:
            return {name: vectors[name] for name in asked_taps}
        vectors["fc6-pre"] = self.classifier[0](flat)
        vectors["fc6"] = torch.relu(vectors["fc6-pre"])
        if asked_taps & {"fc7", "fc7-pre"}:
            vectors["fc7-pre"] = self.classifier[3](vectors["fc6"])
            vectors["fc7"] = torch.relu(vectors["fc7-pre"])
        return {name: vectors[name] for name in asked_taps}


def blank_vgg(layout: VggLayout) -> Vgg:
    """The network without memory for its weights, to be filled by `load_state_dict(..., assign=True)`."""
    with torch.device("meta"):
        return Vgg(layout).eval()


def random_vgg(layout: VggLayout, seed: int) -> Vgg:
    """The network with random weights: He's normal for convolutions, deviation 0.01 for linear layers, no bias.

    Drawn from a generator of its own, so that nothing else in the process changes them or is changed.
    """
    network = blank_vgg(layout).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for name, values in network.named_parameters():
        with torch.no_grad():
            if name.endswith("bias"):
                values.zero_()
            elif values.dim() == 4:
                fan_out = values.shape[0] * values.shape[2] * values.shape[3]
                values.normal_(0.0, (2.0 / fan_out) ** 0.5, generator=generator)
            else:
                values.normal_(0.0, 0.01, generator=generator)
    return network


def _convolution_layers(layout: VggLayout) -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for block in layout.blocks:
        for width in block:
            layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return layers
