"""Which weights of a network learn along: all of them, those of its last blocks, or changes of low rank to these.

Changes of low rank (LoRA: Hu and others, 2021) are made by the library peft, which is optional, and are put into the
weights they change before an encoder is written: whoever uses it needs no such library.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from models_registry.encoders.efficientnet.efficientnet_network import EfficientNet
from models_registry.encoders.vgg.vgg_network import Vgg
from models_registry.training.common.training_errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from models_registry.encoders.tunable_networks import TunableNetwork

How = Literal["backbone", "blocks", "lora"]
_LAYERS = {"pool5": 0, "fc6": 1, "fc7": 2}
"""How many fully connected layers of a VGG lie before a tap."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """All weights (`backbone`), those of the last `blocks` blocks (0 for all of them) and of what comes behind, or
    changes of `rank` to the layers there (`lora`)."""

    how: How = "backbone"
    blocks: int = 0
    rank: int = 8
    seed: int = 0


def require_library(how: str) -> None:
    """Raise TrainingError for `lora` where peft is not installed."""
    if how == "lora" and find_spec("peft") is None:
        raise TrainingError("tune=lora needs the library peft, which is optional: pip install peft")


class TunedWeights(nn.Module):
    """The weights of a network that learn, as a module of their own: a run's checkpoints hold nothing else.

    The network itself is never in training mode: what normalises batches keeps its statistics, nothing drops out.
    """

    def __init__(self, network: TunableNetwork, tap: str, tuning: Tuning) -> None:
        super().__init__()
        network.eval().requires_grad_(requires_grad=False)
        layers = last_layers(network, tap, None if tuning.how == "backbone" else tuning.blocks)
        # Kept in a tuple, for else the whole network would be part of this module.
        self._network, self._adapted = (network,), tuple[Any, ...]()
        self._before = {name: values.detach().clone() for name, values in network.state_dict().items()}
        if tuning.how == "lora":
            self._adapted = (_with_low_rank(network, layers, tuning),)
        else:
            for layer in layers:
                layer.requires_grad_(requires_grad=True)
        for name, values in network.named_parameters():
            if values.requires_grad:
                self.register_parameter(name.replace(".", "/"), values)

    def changed_weights(self) -> dict[str, Tensor]:
        """The network's weights that are not what they were. Changes of low rank are merged into them now."""
        (network,) = self._network
        for adapted in self._adapted:
            adapted.merge_and_unload()
        self._adapted = ()
        state = network.state_dict()
        return {
            name: values for name, values in state.items() if not torch.equal(values.cpu(), self._before[name].cpu())
        }


def last_layers(network: TunableNetwork, tap: str, blocks: int | None) -> list[nn.Module]:
    """The layers with weights of the last so many blocks before a tap (0: of all), and of what comes behind these;
    None: of the whole network."""
    if blocks is None:
        return _layers_of(network)
    block_list, behind = blocks_before(network, tap)
    last_blocks = [*block_list[-blocks:], *behind]
    return [layer for block in last_blocks for layer in _layers_of(block)]


def blocks_before(network: TunableNetwork, tap: str) -> tuple[Sequence[nn.Module], Sequence[nn.Module]]:
    """The blocks of a network in their order, and what comes between the last one and a tap."""
    if isinstance(network, Vgg):
        return _blocks_of_vgg(network, tap), []
    if isinstance(network, EfficientNet):
        logits = [network.get_submodule("_fc")] if tap == "logits" else []
        head = [network.get_submodule("_conv_head"), network.get_submodule("_bn1")]
        return list(network.get_submodule("_blocks").children()), [*head, *logits]
    return network.blocks_before(tap)


def _blocks_of_vgg(network: Vgg, tap: str) -> list[nn.Module]:
    """Convolutions between two poolings are a block, and each fully connected layer is one."""
    blocks, block = list[nn.Module](), list[nn.Module]()
    for layer in network.features:
        block.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            blocks.append(nn.ModuleList(block))
            block = []
    dense = [layer for layer in network.classifier if isinstance(layer, nn.Linear)]
    return [*blocks, *dense[: _LAYERS[tap.removesuffix("-pre")]]]


def _layers_of(block: nn.Module) -> list[nn.Module]:
    """The modules of a block that hold weights themselves."""
    return [module for module in block.modules() if any(True for _ in module.parameters(recurse=False))]


def _with_low_rank(network: TunableNetwork, layers: Sequence[nn.Module], tuning: Tuning) -> Any:
    """The network as peft wraps it, its linear and ungrouped convolutional layers among these changed in place."""
    peft: Any = import_module("peft")
    inside = {id(layer) for layer in layers}
    names = [name for name, module in network.named_modules() if id(module) in inside and _takes_low_rank(module)]
    torch.manual_seed(tuning.seed)
    config = peft.LoraConfig(r=tuning.rank, lora_alpha=2 * tuning.rank, lora_dropout=0.0, target_modules=names)
    return peft.get_peft_model(network, config)


def _takes_low_rank(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
