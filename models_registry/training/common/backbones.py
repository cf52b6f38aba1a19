"""What is under a head while it is trained: frozen features, or a network that learns along from the pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.encoders.checkpoint import OVER_BASE
from models_registry.encoders.torch_encoder import training_device
from models_registry.training.common.recipe_base import TUNABLE
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.labels.run_context import in_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.encoders.tunable_networks import TunableNetwork
    from models_registry.spec import EncoderSpec
    from models_registry.training.common.tuned_weights import TunedWeights, Tuning
    from models_registry.training.labels.labelled_pictures import LabelledPictures
    from models_registry.training.labels.run_context import Session
    from models_registry.training.votes.vote_data import VoteData

    Ids = NDArray[np.int64]


class Backbone:
    """Frozen features: the vectors of the base network, computed once. `base` is the spec of a network that learns
    along, None where none does."""

    is_tuned = False
    rows_at_once: int = 2048

    def __init__(self, session: Session) -> None:
        self._features = session.features
        self.device = training_device()
        self.dim = session.features.dim
        self.module: nn.Module = nn.Identity()
        self.base: EncoderSpec | None = None

    @staticmethod
    def require_tunable(
        data: LabelledPictures | VoteData, *, instead: str = "train a head over it (tune=head)"
    ) -> None:
        """Raise TrainingError for a network that cannot be trained here, only used."""
        if data.base.family not in TUNABLE:
            raise TrainingError(
                f"A {data.base.family} encoder cannot be tuned here, only a VGG, EfficientNet or hf: network; "
                f"{instead}."
            )

    def base_vectors(self, rows: Ids, *, training: bool) -> Tensor:
        """Vectors [n, dim] of these pictures, on `device`; gradients flow where the backbone is tuned."""
        return self._features.take(rows).to(self.device)

    def head_vectors(self, head: nn.Module, rows: Ids) -> NDArray[np.float32]:
        """What the head makes of these pictures [n, d], outside training."""
        was_training = head.training
        head.eval()
        outputs = in_blocks(lambda block: head(self.base_vectors(block, training=False)), rows, size=self.rows_at_once)
        head.train(was_training)
        return outputs

    def exported_weights(self) -> Mapping[str, NDArray[np.float32]] | None:
        """The backbone's own weights; None where they are those of the base network."""
        return None


class TunedNetwork(Backbone):
    """A network that learns from pixels, which are varied while training."""

    is_tuned = True
    rows_at_once: int = 256

    def __init__(
        self,
        data: LabelledPictures | VoteData,
        *,
        augment: float,
        device: torch.device | None = None,
        shallow: bool = False,
        tuning: Tuning | None = None,
        seed: int = 0,
    ) -> None:
        from models_registry.encoders.checkpoint import with_tap
        from models_registry.encoders.encoder_choices import SHALLOW
        from models_registry.encoders.shallow_paths import DIM, with_paths
        from models_registry.training.common.training_pixels import Pixels
        from models_registry.training.common.tuned_weights import TunedWeights, Tuning

        self.base = data.base
        if shallow:
            self.base = replace(data.base, options={**data.base.options, SHALLOW: DIM})
        spec = with_tap(self.base, data.base_tap)
        self.dim = spec.taps[0].dim
        self._tap = data.base_tap
        self.device = device or training_device()
        self.deep = trainable_network(data)
        self.network = (with_paths(self.deep, seed) if shallow else self.deep).to(self.device)
        self._weights: TunedWeights | None = None
        self.module = self.network
        if tuning is None and data.base.family in OVER_BASE:
            tuning = Tuning()
        if tuning is not None:
            self.module = self._weights = TunedWeights(self.deep, self._tap, tuning)
        self._pixels = Pixels(data.pictures, spec.rules, augment=augment)

    def base_vectors(self, rows: Ids, *, training: bool) -> Tensor:
        return self.network_vectors(self.prepared_pixels(rows, training=training))

    def prepared_pixels(self, rows: Ids, *, training: bool) -> Tensor:
        """Prepared pictures [n, 3, h, w]."""
        return self._pixels.prepare_rows(rows, training=training).to(self.device)

    def network_vectors(self, pictures: Tensor) -> Tensor:
        """The network's vectors [n, dim] of prepared pictures."""
        vectors: Tensor = self.network(pictures, [self._tap])[self._tap]
        return vectors

    def exported_weights(self) -> Mapping[str, NDArray[np.float32]]:
        changed = self._weights.changed_weights() if self._weights is not None else {}
        only_changed = self.base is not None and self.base.family in OVER_BASE
        state = changed if only_changed else self.network.state_dict()
        return {name: values.detach().cpu().numpy() for name, values in state.items()}


def backbone_of(session: Session, *, tuning: Tuning | None, augment: float = 0.0, shallow: bool = False) -> Backbone:
    """The backbone of a run, frozen without `tuning`; a tuned one may be joined with shallow paths over the shrunk
    picture."""
    if tuning is None:
        return Backbone(session)
    tuned_part = None if tuning.how == "backbone" else tuning
    return TunedNetwork(session.data, augment=augment, shallow=shallow, tuning=tuned_part, seed=session.config.seed)


def trainable_network(data: LabelledPictures | VoteData) -> TunableNetwork:
    """The base network of the data with its weights, all of them free to change."""
    from models_registry.encoders.tunable_networks import unfrozen_network

    return unfrozen_network(data.base, data.base_weights)
