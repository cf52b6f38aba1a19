"""What is under a head while it is trained: frozen features, or a VGG that learns along from the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.training.base import TUNABLE
from models_registry.training.errors import TrainingError
from models_registry.training.session import in_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.encoders.vgg_network import Vgg
    from models_registry.training.data import LabelledPictures
    from models_registry.training.session import Session
    from models_registry.training.votes.data import VoteData

    Ids = NDArray[np.int64]


class Backbone:
    """Frozen features: the vectors of the base network, computed once."""

    is_tuned = False

    def __init__(self, session: Session) -> None:
        self._features = session.features
        self.dim = session.features.dim
        self.module: nn.Module = nn.Identity()

    @staticmethod
    def require_tunable(
        data: LabelledPictures | VoteData, *, instead: str = "train a head over it (tune=head)"
    ) -> None:
        """Raise TrainingError for a network that cannot be trained here, only used."""
        if data.base.family not in TUNABLE:
            raise TrainingError(f"A {data.base.family} encoder cannot be tuned here, only a VGG; {instead}.")

    def take(self, rows: Ids, *, training: bool) -> Tensor:
        """Vectors [n, dim] of these pictures; gradients flow where the backbone is tuned."""
        return self._features.take(rows)

    def vectors(self, head: nn.Module, rows: Ids) -> NDArray[np.float32]:
        """What the head makes of these pictures [n, d], outside training."""
        was_training = head.training
        head.eval()
        found = in_blocks(lambda block: head(self.take(block, training=False)), rows)
        head.train(was_training)
        return found

    def exported(self) -> Mapping[str, NDArray[np.float32]] | None:
        """The backbone's own weights; None where they are those of the base network."""
        return None


class TunedVgg(Backbone):
    """A VGG from pixels, varied while training."""

    is_tuned = True

    def __init__(
        self, data: LabelledPictures | VoteData, *, augment: float, device: torch.device | None = None
    ) -> None:
        from models_registry.encoders.checkpoint import with_tap
        from models_registry.training.pixels import Pixels

        spec = with_tap(data.base, data.base_tap)
        self.dim = spec.taps[0].dim
        self._tap = data.base_tap
        self._device = device or torch.device("cpu")
        self.network = trainable_vgg(data).to(self._device)
        self.module = self.network
        self._pixels = Pixels(data.pictures, spec.rules, augment=augment)

    def take(self, rows: Ids, *, training: bool) -> Tensor:
        return self.through(self.pixels(rows, training=training))

    def pixels(self, rows: Ids, *, training: bool) -> Tensor:
        """Prepared pictures [n, 3, h, w]."""
        return self._pixels.take(rows, training=training).to(self._device)

    def through(self, pictures: Tensor) -> Tensor:
        """The network's vectors [n, dim] of prepared pictures."""
        found: Tensor = self.network(pictures, [self._tap])[self._tap]
        return found

    def vectors(self, head: nn.Module, rows: Ids) -> NDArray[np.float32]:
        was_training = head.training
        head.eval()
        found = in_blocks(lambda block: head(self.take(block, training=False)), rows, size=256)
        head.train(was_training)
        return found

    def exported(self) -> Mapping[str, NDArray[np.float32]]:
        state = self.network.state_dict()
        return {name: values.detach().cpu().numpy() for name, values in state.items()}


def backbone_of(session: Session, *, tune: bool, augment: float = 0.0) -> Backbone:
    """The backbone of a run."""
    return TunedVgg(session.data, augment=augment) if tune else Backbone(session)


def trainable_vgg(data: LabelledPictures | VoteData) -> Vgg:
    """The base network of the data with its weights, all of them free to change."""
    from models_registry.encoders.vgg_encoder import fill, read_state
    from models_registry.encoders.vgg_network import blank, drawn, layout_of

    layout = layout_of(data.base.family)
    if data.base_weights is not None:
        network = fill(blank(layout), read_state(data.base_weights), str(data.base_weights))
    else:
        network = drawn(layout, int(data.base.options.get("seed", 0)))
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network.requires_grad_(requires_grad=True)
