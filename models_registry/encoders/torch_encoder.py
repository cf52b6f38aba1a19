"""A torch network as an encoder: the device, the threads, one pass for all taps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from models_registry.devices import chosen_device
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.encoder_choices import PRECISION
from models_registry.encoders.forward_passes import DEVICE_PASS_SIZE, Passes
from models_registry.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_registry.encoders.encoder_base import Vectors
    from models_registry.encoders.forward_passes import Network
    from models_registry.spec import EncoderSpec


class TorchEncoder(Encoder):
    """Runs a network that lies on `device`. On a GPU the passes take turns, so that memory holds one of them."""

    def __init__(self, spec: EncoderSpec, network: Network, device: torch.device) -> None:
        super().__init__(spec)
        rules = spec.rules if self.prepares_by_rules else None
        self._passes = Passes(network, device, rules, precision=spec.options.get(PRECISION, "float32"))
        if device.type != "cpu":
            self.pass_size, self.on_device = DEVICE_PASS_SIZE, True
            self.takes_pixels = self.prepares_by_rules

    def set_threads(self, threads: int) -> None:
        super().set_threads(threads)
        torch.set_num_threads(threads)

    def _forward_batch(self, batch: NDArray[Any], taps: Sequence[str]) -> Vectors:
        return self._passes.run(batch, taps)


def training_device() -> torch.device:
    """What recipes compute on: the device that this process was told, else the GPU where there is one."""
    return torch_device(chosen_device())


def torch_device(device: str) -> torch.device:
    """`auto` is the GPU where there is one, else the processor; raises EncoderError for a device that is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise EncoderError(f"The device {device} was asked for, but torch finds no GPU here; use cpu or auto.")
    return torch.device(device)
