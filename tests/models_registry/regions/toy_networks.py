"""Networks of a few nodes that find and mask things, written by tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

FOUND = np.array([[[0, 0, 0.5, 0.5], [0.25, 0.5, 1, 1], [0.5, 0.5, 0.5, 0.9]]])
SCORES = np.array([[0.6, 0.9, 0.99]])


def written(path: Path, nodes: list[onnx.NodeProto], outputs: list[str], constants: dict[str, np.ndarray]) -> Path:
    """A network that reads 8 x 8 pixels."""
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def says(path: Path, outputs: dict[str, np.ndarray]) -> Path:
    """Says the same whatever it sees."""
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "none"], ["zero"]),
        *(helper.make_node("Add", ["zero", f"own-{name}"], [name]) for name in outputs),
    ]
    own = {f"own-{name}": values.astype(np.float32) for name, values in outputs.items()}
    return written(path, nodes, list(outputs), {"none": np.zeros((), np.float32), **own})


def detector(path: Path, scale: float = 1) -> Path:
    """Finds the same two boxes on every picture, the second one surer, and a third that is empty."""
    return says(path, {"boxes": scale * FOUND, "scores": SCORES})


def mask_net(path: Path) -> Path:
    """What is bright is the object."""
    return written(path, [helper.make_node("ReduceMean", ["pixels"], ["mask"], axes=[1], keepdims=1)], ["mask"], {})
