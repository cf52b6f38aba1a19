"""The networks in torch whose own weights can be trained here: how one is made, filled, and run as an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from models_registry.encoders.efficientnet import efficientnet_network
from models_registry.encoders.efficientnet.efficientnet_network import LITE0, EfficientNet
from models_registry.encoders.encoder_choices import SHALLOW
from models_registry.encoders.hf.hf_model import FAMILY as HF
from models_registry.encoders.hf.hf_network import HfNetwork
from models_registry.encoders.shallow_paths import ShallowPaths
from models_registry.encoders.torch_encoder import TorchEncoder, torch_device
from models_registry.encoders.vgg import vgg_network
from models_registry.encoders.vgg.vgg_network import Vgg
from models_registry.errors import WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from models_registry.spec import EncoderSpec

TunableNetwork = Vgg | EfficientNet | HfNetwork
"""Takes pictures [n, 3, h, w] and the names of taps, gives vectors [n, dim] by tap."""
N = TypeVar("N", bound=nn.Module)

_CPU_PASS_SIZE = 16
"""With one thread, torch sends 1 x 1 convolutions of fewer pictures down a path that takes twice as long."""


def blank_network(family: str) -> TunableNetwork:
    """The network of a family without memory for its weights; raises KeyError for a family that cannot be trained."""
    if family == "efficientnet-lite0":
        return efficientnet_network.blank_efficientnet(LITE0)
    return vgg_network.blank_vgg(vgg_network.layout_of(family))


def network_with_weights(spec: EncoderSpec, weights: Path | None) -> TunableNetwork:
    """The network of the spec's family with the weights of a file, or those drawn from the spec's seed where None."""
    if spec.family == "hf":
        return HF.load_network(spec, weights)
    if weights is None:
        return vgg_network.random_vgg(vgg_network.layout_of(spec.family), int(spec.options.get("seed", 0)))
    return fill_network(blank_network(spec.family), read_state(weights), str(weights))


def filled_as_trained(
    spec: EncoderSpec, weights: Path, base_weights: Path | None = None
) -> TunableNetwork | ShallowPaths:
    """The network of a tuned checkpoint's base with the checkpoint's own weights; with shallow paths where the base
    says so. Of a network of transformers the checkpoint has only what was changed: the rest is in `base_weights`."""
    if spec.family == "hf":
        return _over_base(HF.load_network(spec, base_weights), read_state(weights), str(weights))
    if SHALLOW not in spec.options:
        return network_with_weights(spec, weights)
    with torch.device("meta"):
        network = ShallowPaths(blank_network(spec.family)).eval()
    return fill_network(network, read_state(weights), str(weights))


def unfrozen_network(spec: EncoderSpec, weights: Path | None) -> TunableNetwork:
    """The same, all of its weights free to change."""
    network = network_with_weights(spec, weights)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network.requires_grad_(requires_grad=True)


def torch_encoder(spec: EncoderSpec, network: TunableNetwork | ShallowPaths, device: str) -> TorchEncoder:
    """A filled network on its device, not to be trained any more."""
    target_device = torch_device(device)
    network.requires_grad_(requires_grad=False).eval()
    deep = network.deep if isinstance(network, ShallowPaths) else network
    if isinstance(deep, EfficientNet):
        efficientnet_network.fuse_normalisation(deep)
    network.to(target_device)
    if not isinstance(deep, HfNetwork):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    encoder = TorchEncoder(spec, network, target_device)
    if isinstance(deep, EfficientNet) and not encoder.on_device:
        encoder.pass_size = _CPU_PASS_SIZE
    return encoder


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


def fill_network(network: N, state: Mapping[str, Tensor], file: str) -> N:
    """Put checked weights into a blank network; raises WeightsRefused naming the file and the tensor."""
    expected = network.state_dict()
    missing = [name for name in expected if name not in state]
    extra = [name for name in state if name not in expected]
    if missing or extra:
        which = f"{missing[0]} is missing" if missing else f"{extra[0]} is not part of it"
        raise WeightsRefused(f"{file} does not hold this network's weights: {which}.")
    _check_values(expected, state, file)
    checked_state = {name: values.float() if values.is_floating_point() else values for name, values in state.items()}
    network.load_state_dict(checked_state, assign=True)
    return network.requires_grad_(requires_grad=False)


def _over_base(network: N, changed: Mapping[str, Tensor], file: str) -> N:
    """Put checked weights over those that a network has already."""
    expected = network.state_dict()
    extra = [name for name in changed if name not in expected]
    if extra:
        raise WeightsRefused(f"{file} does not hold weights of this network: {extra[0]} is not part of it.")
    _check_values(expected, changed, file)
    network.load_state_dict(dict(changed), strict=False)
    return network


def _check_values(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], file: str) -> None:
    for name, values in state.items():
        if values.shape != expected[name].shape:
            raise WeightsRefused(
                f"{file}: {name} has the shape {tuple(values.shape)}, not {tuple(expected[name].shape)}."
            )
        if not bool(torch.isfinite(values).all()):
            raise WeightsRefused(
                f"{file}: {name} holds NaN or infinity, so the vectors behind it would mean nothing. "
                "Weights published for features only are like that; use those of the whole classifier."
            )
