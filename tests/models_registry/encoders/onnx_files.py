"""Small ONNX networks, written where a test needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_network(
    path: Path,
    *,
    shape: tuple[Any, ...] = ("batch", 3, 8, 8),
    nan: bool = False,
    seed: int = 0,
    reshape_to_one: bool = False,
    dtype: int = TensorProto.FLOAT,
) -> np.ndarray:
    """Mean colour times a matrix [3, 5] (`embedding`), its softmax (`logits`), and the map before (`map`).

    The input is `shape`; the channels are where it has its 3. Returns the matrix.
    """
    matrix = np.random.default_rng(seed).standard_normal((3, 5)).astype(np.float32)
    weights = np.full_like(matrix, np.nan) if nan else matrix
    space = [2, 3] if shape[1] == 3 or shape[3] != 3 else [1, 2]
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    rows = ["1" if reshape_to_one else "batch", 5]
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "space"], ["means"], keepdims=0),
        helper.make_node("Reshape", ["means", "rows"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["embedding"]),
        helper.make_node("Softmax", ["embedding"], ["logits"], axis=1),
        helper.make_node("Identity", ["pixels"], ["map"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean-colour",
        [helper.make_tensor_value_info("pixels", dtype, list(shape))],
        [
            helper.make_tensor_value_info("embedding", dtype, rows),
            helper.make_tensor_value_info("logits", dtype, rows),
            helper.make_tensor_value_info("map", dtype, list(shape)),
        ],
        [
            numpy_helper.from_array(weights.astype(kind), "matrix"),
            numpy_helper.from_array(np.array(space, dtype=np.int64), "space"),
            numpy_helper.from_array(np.array([1 if reshape_to_one else -1, 3], dtype=np.int64), "rows"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return matrix
