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
    read_tensors,
)
from models_registry.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.encoders.vgg_network import VggLayout

OPSET = 13
_VGGS = {"tiny-vgg", "vgg16.imagenet", "vgg16.random"}
_CONVOLUTIONS = "pool5"


def export_onnx(spec_path: Path, output: Path) -> None:
    """Write the encoder whose `spec.json` is at `spec_path` as ONNX; its outputs are the encoder's taps.

    Raises TrainingError for a base network that has no ONNX form.
    """
    import onnx

    spec = read_checkpoint(spec_path)
    if spec.base.family == "onnx":
        model, flat = _opened(spec_path, spec)
    elif spec.base.family in _VGGS:
        model, flat = _vgg(spec_path, spec)
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

    def add(self, kind: str, *constants: NDArray[Any], **attributes: Any) -> None:
        """A node that takes what the last one gave, and constants."""
        import onnx

        name = f"{self.prefix}_{len(self.nodes)}_{kind.lower()}"
        inputs = [self.last]
        for number, values in enumerate(constants):
            inputs.append(f"{name}_{number}")
            self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), inputs[-1]))
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


def _vgg(path: Path, spec: CheckpointSpec) -> tuple[Any, str]:
    """The VGG under the head, layer by layer."""
    import onnx

    from models_registry.encoders.vgg_network import layout_of

    layout = layout_of(spec.base.family)
    weights = _vgg_weights(path, spec)
    height, width = spec.base.rules.size
    graph = _Graph("pixel_values", "base")
    _convolutions(graph, layout, weights)
    side = height // 2 ** len(layout.blocks)
    if side != layout.pooled:
        stride = side // layout.pooled
        kernel = side - (layout.pooled - 1) * stride
        graph.add("AveragePool", kernel_shape=[kernel, kernel], strides=[stride, stride])
    graph.add("Flatten", axis=1)
    if spec.base_tap != _CONVOLUTIONS:
        _dense(graph, spec.base_tap, weights)
    pixels = onnx.helper.make_tensor_value_info("pixel_values", onnx.TensorProto.FLOAT, ["batch", 3, height, width])
    drawn = onnx.helper.make_graph(graph.nodes, "encoder", [pixels], [], graph.constants)
    model = onnx.helper.make_model(drawn, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    return model, graph.last


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


def _vgg_weights(path: Path, spec: CheckpointSpec) -> Mapping[str, NDArray[np.float32]]:
    if spec.is_tuned:
        return read_tensors(beside(path, BACKBONE))
    from models_registry.encoders.vgg_encoder import read_state
    from models_registry.encoders.vgg_network import drawn, layout_of
    from models_registry.weights import published_file

    if spec.base.weights_sha256 is None:
        state = drawn(layout_of(spec.base.family), int(spec.base.options.get("seed", 0))).state_dict()
    else:
        state = read_state(base_file(path, spec.base) or published_file(spec.base.family))
    return {name: values.detach().float().numpy() for name, values in state.items()}
