"""A VGG as an encoder, and the weights that go into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models_registry.encoders.torch_encoder import TorchEncoder, torch_device
from models_registry.errors import WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from models_registry.encoders.vgg_network import Vgg
    from models_registry.spec import EncoderSpec


def vgg_encoder(spec: EncoderSpec, network: Vgg, device: str) -> TorchEncoder:
    """A filled network on its device."""
    where = torch_device(device)
    return TorchEncoder(spec, network.to(where).eval(), where)


def tuned_vgg(spec: EncoderSpec, weights: Path, device: str) -> TorchEncoder:
    """A VGG of the spec's family whose own weights were trained: they come from a file with the published keys."""
    from models_registry.encoders.vgg_network import blank, layout_of

    return vgg_encoder(spec, fill(blank(layout_of(spec.family)), read_state(weights), str(weights)), device)


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
