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
    checkpoint_file,
    read_checkpoint,
    read_head,
)
from models_registry.training.common.recipe_base import PLAIN_TORCH
from models_registry.training.common.training_errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Set
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
        model, flat = _open_onnx_base(spec_path, spec)
    elif spec.base.family in PLAIN_TORCH:
        model, flat = _build_torch_base(spec_path, spec)
    else:
        raise TrainingError(f"A {spec.base.family} network has no ONNX form here; take the checkpoint folder along.")
    graph = _Graph(flat, "head")
    graph.add_head(spec, read_head(spec_path, spec))
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

    def add_node(
        self, kind: str, *constants: NDArray[Any], before: str = "", beside: str = "", **attributes: Any
    ) -> None:
        """A node that takes what `before` names, what the last one gave, what `beside` names, and constants."""
        import onnx

        name = f"{self.prefix}_{len(self.nodes)}_{kind.lower()}"
        inputs = [given for given in (before, self.last, beside) if given]
        for number, values in enumerate(constants):
            inputs.append(f"{name}_{number}")
            self.constants.append(onnx.numpy_helper.from_array(np.asarray(values, order="C"), inputs[-1]))
        self.nodes.append(onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.last = name

    def add_linear(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """x @ weight.T + bias."""
        self.add_node("Gemm", weight, bias, transB=1)

    def add_head(self, spec: CheckpointSpec, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """The head's layers, and its taps under their names."""
        import onnx

        tap_behind = {tap.after: tap.name for tap in spec.head.taps}
        for number, kind in enumerate(spec.head.layers):
            parts = [tensors[f"{number}.{what}"] for what in TENSORS[kind]]
            self.add_layer(kind, parts)
            if number + 1 in tap_behind:
                self.nodes.append(onnx.helper.make_node("Identity", [self.last], [tap_behind[number + 1]]))

    def add_layer(self, kind: str, parts: list[NDArray[np.float32]]) -> None:
        """One layer of a head."""
        if kind == "centre":
            self.add_node("Sub", parts[0])
        elif kind == "linear":
            self.add_linear(*parts)
        elif kind == "relu":
            self.add_node("Relu")
        elif kind == "batchnorm":
            self.add_node("Mul", parts[0])
            self.add_node("Add", parts[1])
        elif kind == "guesses":
            layer_input = self.last
            self.add_linear(*parts)
            self.add_node("Softmax", axis=1)
            self.add_node("Concat", before=layer_input, axis=1)
        else:
            self.add_node("LpNormalization", axis=1, p=2)


def _open_onnx_base(path: Path, spec: CheckpointSpec) -> tuple[Any, str]:
    """The base's own ONNX model, and the name of its vectors, flattened and as float32."""
    import onnx

    file = base_file(path, spec.base)
    model = onnx.load(str(file))
    version = max((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), default=0)
    if version < OPSET:
        model = onnx.version_converter.convert_version(model, OPSET)
    output = spec.base.options.get("outputs", {}).get(spec.base_tap, spec.base_tap)
    if spec.base.options.get("pool") and _is_pooled(model, output):
        raise TrainingError("Pooled tokens or places have no ONNX form here; take the checkpoint folder along.")
    taken_names = {tap.name for tap in spec.head.taps}
    _rename_tensors(model.graph, taken_names)
    graph = _Graph(_renamed(output, taken_names), "flat")
    graph.add_node("Flatten", axis=1)
    graph.add_node("Cast", to=onnx.TensorProto.FLOAT)
    model.graph.node.extend(graph.nodes)
    return model, graph.last


def _is_pooled(model: Any, output: str) -> bool:
    """Whether an output holds tokens [n, t, c] or a map [n, c, h, w]; one of a single place is a vector."""
    shapes = {one.name: [side.dim_value for side in one.type.tensor_type.shape.dim] for one in model.graph.output}
    return len(shapes[output]) in {3, 4} and shapes[output][2:] != [1, 1]


def _rename_tensors(graph: Any, taken_names: Set[str]) -> None:
    """Give tensors of the base another name where a tap of the head has theirs: a name stands once in a network."""
    for node in graph.node:
        node.input[:] = [_renamed(name, taken_names) for name in node.input]
        node.output[:] = [_renamed(name, taken_names) for name in node.output]
        for attribute in node.attribute:
            for inside in (attribute.g, *attribute.graphs):
                _rename_tensors(inside, taken_names)
    sparse = (one.values for one in graph.sparse_initializer)
    for tensor in (*graph.initializer, *sparse, *graph.input, *graph.output, *graph.value_info):
        tensor.name = _renamed(tensor.name, taken_names)


def _renamed(name: str, taken_names: Set[str]) -> str:
    return f"base_{name}" if name in taken_names else name


def _build_torch_base(path: Path, spec: CheckpointSpec) -> tuple[Any, str]:
    """The network in plain torch under the head, layer by layer."""
    import onnx

    from models_registry.encoders.efficientnet.efficientnet_network import EfficientNet
    from models_registry.encoders.shallow_paths import ShallowPaths
    from models_registry.encoders.vgg.vgg_network import Vgg

    network = _load_network(path, spec)
    height, width = spec.base.rules.size
    graph = _Graph("pixel_values", "base")
    deep = network.deep if isinstance(network, ShallowPaths) else network
    if isinstance(deep, EfficientNet):
        _add_efficientnet(graph, deep, spec)
    elif isinstance(deep, Vgg):
        _add_vgg(graph, deep, spec)
    if isinstance(network, ShallowPaths):
        _add_shallow_paths(graph, network, spec)
    pixels = onnx.helper.make_tensor_value_info("pixel_values", onnx.TensorProto.FLOAT, ["batch", 3, height, width])
    drawn = onnx.helper.make_graph(graph.nodes, "encoder", [pixels], [], graph.constants)
    model = onnx.helper.make_model(drawn, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    return model, graph.last


def _load_network(path: Path, spec: CheckpointSpec) -> TunableNetwork | ShallowPaths:
    """The network with its weights: its own where it was tuned, those of its file, or drawn ones."""
    from models_registry.encoders.tunable_networks import filled_as_trained, network_with_weights
    from models_registry.registry import files

    if spec.is_tuned:
        return filled_as_trained(spec.base, checkpoint_file(path, BACKBONE))
    if spec.base.weights_sha256 is None:
        return network_with_weights(spec.base, None)
    return network_with_weights(spec.base, base_file(path, spec.base) or files(spec.base.family)[0])


def _add_vgg(graph: _Graph, network: Vgg, spec: CheckpointSpec) -> None:
    from models_registry.encoders.vgg.vgg_network import layout_of

    layout = layout_of(spec.base.family)
    weights = {name: values.detach().numpy() for name, values in network.state_dict().items()}
    _add_vgg_convolutions(graph, layout, weights)
    side = spec.base.rules.size[0] // 2 ** len(layout.blocks)
    if side != layout.pooled:
        # Torch's adaptive pooling written out: the same windows at every size that these families read.
        stride = side // layout.pooled
        kernel = side - (layout.pooled - 1) * stride
        graph.add_node("AveragePool", kernel_shape=[kernel, kernel], strides=[stride, stride])
    graph.add_node("Flatten", axis=1)
    if spec.base_tap != _CONVOLUTIONS:
        _add_vgg_dense(graph, spec.base_tap, weights)


def _add_efficientnet(graph: _Graph, network: EfficientNet, spec: CheckpointSpec) -> None:
    """Every convolution with its normalisation inside and its padding spelled out for the size of the rules."""
    from models_registry.encoders.efficientnet.efficientnet_network import fuse_normalisation

    fuse_normalisation(network)
    side = spec.base.rules.size[0]
    side = _add_same_conv(graph, network.get_submodule("_conv_stem"), side, is_active=True)
    for block in network.get_submodule("_blocks").children():
        block_input = graph.last
        if hasattr(block, "_expand_conv"):
            side = _add_same_conv(graph, block.get_submodule("_expand_conv"), side, is_active=True)
        side = _add_same_conv(graph, block.get_submodule("_depthwise_conv"), side, is_active=True)
        side = _add_same_conv(graph, block.get_submodule("_project_conv"), side, is_active=False)
        if block.adds_input:
            graph.add_node("Add", beside=block_input)
    _add_same_conv(graph, network.get_submodule("_conv_head"), side, is_active=True)
    if spec.base_tap != "features":
        graph.add_node("GlobalAveragePool")
    graph.add_node("Flatten", axis=1)
    if spec.base_tap == "logits":
        dense = network.get_submodule("_fc")
        graph.add_linear(_parameter_values(dense, "weight"), _parameter_values(dense, "bias"))


def _add_shallow_paths(graph: _Graph, network: ShallowPaths, spec: CheckpointSpec) -> None:
    """The deep vector at length 1, and behind it what each path sees of the shrunk picture."""
    from models_registry.encoders.shallow_paths import KERNEL, SCALES, SIDE

    graph.add_node("LpNormalization", axis=1, p=2)
    for path, scale in zip(network.paths, SCALES, strict=True):
        vectors_so_far, graph.last = graph.last, "pixel_values"
        graph.add_node("AveragePool", kernel_shape=[scale, scale], strides=[scale, scale])
        conv = (_parameter_values(path, "weight"), _parameter_values(path, "bias"))
        graph.add_node("Conv", *conv, kernel_shape=[KERNEL, KERNEL], pads=[KERNEL // 2] * 4)
        graph.add_node("Relu")
        window = [side // scale // SIDE for side in spec.base.rules.size]
        graph.add_node("MaxPool", kernel_shape=window, strides=window)
        graph.add_node("Flatten", axis=1)
        graph.add_node("LpNormalization", axis=1, p=2)
        graph.add_node("Concat", before=vectors_so_far, axis=1)


def _add_same_conv(graph: _Graph, layer: nn.Module, side: int, *, is_active: bool) -> int:
    """A convolution of `SameConv` and its ReLU6; returns the side of the map behind it."""
    from models_registry.encoders.efficientnet.efficientnet_network import SameConv

    if not isinstance(layer, SameConv):
        raise TypeError(f"A {type(layer).__name__} is no convolution of this network.")
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    before, after = layer.zeros_around(side)
    graph.add_node(
        "Conv", _parameter_values(layer, "weight"), _parameter_values(layer, "bias"), kernel_shape=[kernel, kernel],
        strides=[stride, stride], group=layer.groups, pads=[before, before, after, after],
    )  # fmt: skip
    if is_active:
        graph.add_node("Clip", np.array(0, np.float32), np.array(6, np.float32))
    return -(-side // stride)


def _parameter_values(layer: nn.Module, name: str) -> NDArray[np.float32]:
    return np.asarray(layer.get_parameter(name).detach().numpy())


def _add_vgg_convolutions(graph: _Graph, layout: VggLayout, weights: Mapping[str, NDArray[np.float32]]) -> None:
    layer_number = 0
    for block in layout.blocks:
        for _ in block:
            conv = (weights[f"features.{layer_number}.weight"], weights[f"features.{layer_number}.bias"])
            graph.add_node("Conv", *conv, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
            graph.add_node("Relu")
            layer_number += 2
        graph.add_node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        layer_number += 1


def _add_vgg_dense(graph: _Graph, tap: str, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """The fully connected layers up to the tap."""
    for layer, name in ((0, "fc6"), (3, "fc7")):
        graph.add_linear(weights[f"classifier.{layer}.weight"], weights[f"classifier.{layer}.bias"])
        if tap == f"{name}-pre":
            return
        graph.add_node("Relu")
        if tap == name:
            return
