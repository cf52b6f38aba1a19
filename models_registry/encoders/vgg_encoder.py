"""A VGG as an encoder: the device, the threads, one pass for all taps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from models_registry.encoders.base import Encoder
from models_registry.encoders.passes import DEVICE_PASS_SIZE, Passes
from models_registry.errors import EncoderError, WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.encoders.base import Vectors
    from models_registry.encoders.vgg_network import Vgg
    from models_registry.spec import EncoderSpec


class VggEncoder(Encoder):
    """Runs a VGG on one device. On a GPU the passes take turns, so that memory holds one of them."""

    def __init__(self, spec: EncoderSpec, network: Vgg, device: str) -> None:
        super().__init__(spec)
        self._device = torch_device(device)
        self._passes = Passes(network.to(self._device).eval(), self._device)
        if self._device.type != "cpu":
            self.pass_size, self.on_device = DEVICE_PASS_SIZE, True

    def set_threads(self, threads: int) -> None:
        super().set_threads(threads)
        torch.set_num_threads(threads)

    def _forward(self, batch: NDArray[np.float32], taps: Sequence[str]) -> Vectors:
        return self._passes.run(batch, taps)


def tuned_vgg(spec: EncoderSpec, weights: Path, device: str) -> VggEncoder:
    """A VGG of the spec's family whose own weights were trained: they come from a file with the published keys."""
    from models_registry.encoders.vgg_network import blank, layout_of

    return VggEncoder(spec, fill(blank(layout_of(spec.family)), read_state(weights), str(weights)), device)


def torch_device(device: str) -> torch.device:
    """`auto` is the GPU where there is one, else the processor; raises EncoderError for a device that is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise EncoderError(f"The device {device} was asked for, but torch finds no GPU here; use cpu or auto.")
    return torch.device(device)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file (.safetensors, or what `torch.save` wrote), never running code from it."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file makes the readers raise almost anything
        raise WeightsRefused(
            f"{path.name} is not a plain file of tensors (a state dictionary or safetensors): it was not loaded."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsRefused(f"{path.name} does not hold a state dictionary, that is names and their tensors.")
    return state


def fill(network: Vgg, state: Mapping[str, Tensor], file: str) -> Vgg:
    """Put checked weights into a blank network; raises WeightsRefused naming the file and the tensor."""
    expected = network.state_dict()
    missing = [name for name in expected if name not in state]
    extra = [name for name in state if name not in expected]
    if missing or extra:
        which = f"{missing[0]} is missing" if missing else f"{extra[0]} is not part of it"
        raise WeightsRefused(f"{file} does not hold this network's weights: {which}.")
    for name, values in state.items():
        if values.shape != expected[name].shape:
            raise WeightsRefused(
                f"{file}: {name} has the shape {tuple(values.shape)}, not {tuple(expected[name].shape)}."
            )
        if not bool(torch.isfinite(values).all()):
            raise WeightsRefused(
                f"{file}: {name} holds NaN or infinity, so fc6 and fc7 would mean nothing. "
                "Weights published for features only are like that; use those of the whole classifier."
            )
    network.load_state_dict({name: values.float() for name, values in state.items()}, assign=True)
    return network.requires_grad_(False)
