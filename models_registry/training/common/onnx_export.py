"""A trained encoder as one ONNX file that gives the same vectors, for services written in anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.checkpoint import (
    BACKBONE,
    TENSORS,
    CheckpointSpec,
    base_file,
    beside,
    read_checkpoint,
    read_head,
)
from models_registry.training.common.recipe_base import PLAIN_TORCH
from models_registry.training.common.training_errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from models_registry.encoders.efficientnet.efficientnet_network import EfficientNet
    from models_registry.encoders.shallow_paths import ShallowPaths
    from models_registry.encoders.tunable_networks import TunableNetwork
    from models_registry.encoders.vgg.vgg_network import Vgg, VggLayout

OPSET = 13
_CONVOLUTIONS = "pool5"


def export_onnx(spec_path: Path, output: Path) -> None:
    """Write the encoder whose `spec.json` is at `spec_path` as ONNX; its outputs are the encoder's taps.

    Raises TrainingError for a base network that has no ONNX form.
    """
    import onnx

    spec = read_checkpoint(spec_path)
    if spec.base.family == "onnx":
        model, flat = _opened(spec_path, spec)
    elif spec.base.family in PLAIN_TORCH:
        model, flat = _plain(spec_path, spec)
    else:
        raise TrainingError(f"A {spec.base.family} network has no ONNX form here; take the checkpoint folder along.")
    graph = _Graph(flat, "head")
    graph.head(spec, read_head(spec_path, spec))
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend(graph.constants)
    del model.graph.output[:]
    for tap in spec.head.taps:
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(tap.name, onnx.TensorProto.FLOAT, ["batch", tap.dim])
        )
    onnx.checker.check_model(model)
    onnx.save(model, str(output))


@dataclass(slots=True)
class _Graph:
    """Nodes one behind the other; `last` is the name of what the last one gives, `prefix` begins all names."""

    last: str
    prefix: str
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, kind: str, *constants: NDArray[Any], before: str = "", beside: str = "", **attributes: Any) -> None:
        """A node that takes what `before` names, what the last one gave, what `beside` names, and constants."""
        import onnx

        name = f"{self.prefix}_{len(self.nodes)}_{kind.lower()}"
        inputs = [given for given in (before, self.last, beside) if given]
        for number, values in enumerate(constants):
            inputs.append(f"{name}_{number}")
            self.constants.append(onnx.numpy_helper.from_array(np.asarray(values, order="C"), inputs[-1]))
        self.nodes.append(onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.last = name

    def head(self, spec: CheckpointSpec, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """The head's layers, and its taps under their names."""
        import onnx

        after = {tap.after: tap.name for tap in spec.head.taps}
        for number, kind in enumerate(spec.head.layers):
            parts = [tensors[f"{number}.{what}"] for what in TENSORS[kind]]
            self.layer(kind, parts)
            if number + 1 in after:
                self.nodes.append(onnx.helper.make_node("Identity", [self.last], [after[number + 1]]))

    def layer(self, kind: str, parts: list[NDArray[np.float32]]) -> None:
        """One layer of a head."""
        if kind == "centre":
            self.add("Sub", parts[0])
        elif kind == "linear":
            self.add("Gemm", parts[0], parts[1], transB=1)
        elif kind == "relu":
            self.add("Relu")
        elif kind == "batchnorm":
            self.add("Mul", parts[0])
            self.add("Add", parts[1])
        elif kind == "guesses":
            seen = self.last
            self.add("Gemm", parts[0], parts[1], transB=1)
            self.add("Softmax", axis=1)
            self.add("Concat", before=seen, axis=1)
        else:
            self.add("LpNormalization", axis=1, p=2)


def _opened(path: Path, spec: CheckpointSpec) -> tuple[Any, str]:
    """The base's own ONNX model, and the name of its vectors, flattened and as float32."""
    import onnx

    file = base_file(path, spec.base)
    model = onnx.load(str(file))
    version = max((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), default=0)
    if version < OPSET:
        model = onnx.version_converter.convert_version(model, OPSET)
    graph = _Graph(spec.base_tap, "flat")
    graph.add("Flatten", axis=1)
    graph.add("Cast", to=onnx.TensorProto.FLOAT)
    model.graph.node.extend(graph.nodes)
    return model, graph.last


def _plain(path: Path, spec: CheckpointSpec) -> tuple[Any, str]:
    """The network in plain torch under the head, layer by layer."""
    import onnx

    from models_registry.encoders.efficientnet.efficientnet_network import EfficientNet
    from models_registry.encoders.shallow_paths import ShallowPaths
    from models_registry.encoders.vgg.vgg_network import Vgg

    network = _filled(path, spec)
    height, width = spec.base.rules.size
    graph = _Graph("pixel_values", "base")
    deep = network.deep if isinstance(network, ShallowPaths) else network
    if isinstance(deep, EfficientNet):
        _efficientnet(graph, deep, spec)
    elif isinstance(deep, Vgg):
        _vgg(graph, deep, spec)
    if isinstance(network, ShallowPaths):
        _shallow(graph, network, spec)
    pixels = onnx.helper.make_tensor_value_info("pixel_values", onnx.TensorProto.FLOAT, ["batch", 3, height, width])
    drawn = onnx.helper.make_graph(graph.nodes, "encoder", [pixels], [], graph.constants)
    model = onnx.helper.make_model(drawn, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    return model, graph.last


def _filled(path: Path, spec: CheckpointSpec) -> TunableNetwork | ShallowPaths:
    """The network with its weights: its own where it was tuned, those of its file, or drawn ones."""
    from models_registry.encoders.tunable_networks import filled, filled_as_trained
    from models_registry.registry import files

    if spec.is_tuned:
        return filled_as_trained(spec.base, beside(path, BACKBONE))
    if spec.base.weights_sha256 is None:
        return filled(spec.base, None)
    return filled(spec.base, base_file(path, spec.base) or files(spec.base.family)[0])


def _vgg(graph: _Graph, network: Vgg, spec: CheckpointSpec) -> None:
    from models_registry.encoders.vgg.vgg_network import layout_of

    layout = layout_of(spec.base.family)
    weights = {name: values.detach().numpy() for name, values in network.state_dict().items()}
    _convolutions(graph, layout, weights)
    side = spec.base.rules.size[0] // 2 ** len(layout.blocks)
    if side != layout.pooled:
        stride = side // layout.pooled
        kernel = side - (layout.pooled - 1) * stride
        graph.add("AveragePool", kernel_shape=[kernel, kernel], strides=[stride, stride])
    graph.add("Flatten", axis=1)
    if spec.base_tap != _CONVOLUTIONS:
        _dense(graph, spec.base_tap, weights)


def _efficientnet(graph: _Graph, network: EfficientNet, spec: CheckpointSpec) -> None:
    """Every convolution with its normalisation inside and its padding spelled out for the size of the rules."""
    from models_registry.encoders.efficientnet.efficientnet_network import fused

    fused(network)
    side = spec.base.rules.size[0]
    side = _same_conv(graph, network.get_submodule("_conv_stem"), side, is_active=True)
    for block in network.get_submodule("_blocks").children():
        begun = graph.last
        if hasattr(block, "_expand_conv"):
            side = _same_conv(graph, block.get_submodule("_expand_conv"), side, is_active=True)
        side = _same_conv(graph, block.get_submodule("_depthwise_conv"), side, is_active=True)
        side = _same_conv(graph, block.get_submodule("_project_conv"), side, is_active=False)
        if block.adds_input:
            graph.add("Add", beside=begun)
    _same_conv(graph, network.get_submodule("_conv_head"), side, is_active=True)
    if spec.base_tap != "features":
        graph.add("GlobalAveragePool")
    graph.add("Flatten", axis=1)
    if spec.base_tap == "logits":
        dense = network.get_submodule("_fc")
        graph.add("Gemm", _values(dense, "weight"), _values(dense, "bias"), transB=1)


def _shallow(graph: _Graph, network: ShallowPaths, spec: CheckpointSpec) -> None:
    """The deep vector at length 1, and behind it what each path sees of the shrunk picture."""
    from models_registry.encoders.shallow_paths import KERNEL, SCALES, SIDE

    graph.add("LpNormalization", axis=1, p=2)
    for path, scale in zip(network.paths, SCALES, strict=True):
        joined, graph.last = graph.last, "pixel_values"
        graph.add("AveragePool", kernel_shape=[scale, scale], strides=[scale, scale])
        conv = (_values(path, "weight"), _values(path, "bias"))
        graph.add("Conv", *conv, kernel_shape=[KERNEL, KERNEL], pads=[KERNEL // 2] * 4)
        graph.add("Relu")
        window = [side // scale // SIDE for side in spec.base.rules.size]
        graph.add("MaxPool", kernel_shape=window, strides=window)
        graph.add("Flatten", axis=1)
        graph.add("LpNormalization", axis=1, p=2)
        graph.add("Concat", before=joined, axis=1)


def _same_conv(graph: _Graph, layer: nn.Module, side: int, *, is_active: bool) -> int:
    """A convolution of `SameConv` and its ReLU6; returns the side of the map behind it."""
    from models_registry.encoders.efficientnet.efficientnet_network import SameConv

    if not isinstance(layer, SameConv):
        raise TypeError(f"A {type(layer).__name__} is no convolution of this network.")
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    before, after = layer.padded(side)
    graph.add(
        "Conv", _values(layer, "weight"), _values(layer, "bias"), kernel_shape=[kernel, kernel],
        strides=[stride, stride], group=layer.groups, pads=[before, before, after, after],
    )  # fmt: skip
    if is_active:
        graph.add("Clip", np.array(0, np.float32), np.array(6, np.float32))
    return -(-side // stride)


def _values(layer: nn.Module, name: str) -> NDArray[np.float32]:
    return np.asarray(layer.get_parameter(name).detach().numpy())


def _convolutions(graph: _Graph, layout: VggLayout, weights: Mapping[str, NDArray[np.float32]]) -> None:
    place = 0
    for block in layout.blocks:
        for _ in block:
            conv = (weights[f"features.{place}.weight"], weights[f"features.{place}.bias"])
            graph.add("Conv", *conv, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
            graph.add("Relu")
            place += 2
        graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        place += 1


def _dense(graph: _Graph, tap: str, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """The fully connected layers up to the tap."""
    for layer, name in ((0, "fc6"), (3, "fc7")):
        graph.add("Gemm", weights[f"classifier.{layer}.weight"], weights[f"classifier.{layer}.bias"], transB=1)
        if tap == f"{name}-pre":
            return
        graph.add("Relu")
        if tap == name:
            return
