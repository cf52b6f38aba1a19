"""Small trained encoders over ONNX networks, and pictures for them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

from models_registry.encoders.checkpoint import SPEC, write_checkpoint
from models_registry.registry import describe
from models_registry.training.common.heads import Normalise, export_head

SIDE = 8
CHANNELS = 6
TAPS = (("raw", 1), ("hidden", 3), ("vectors", 4))


def write_convolution(
    path: Path, *, batch: int | str = "batch", kind: int = TensorProto.FLOAT, channels_last: bool = False
) -> Path:
    """A convolution over pictures of SIDE pixels and the mean over its map: `features` [n, CHANNELS]."""
    rng = np.random.default_rng(5)
    number = helper.tensor_dtype_to_np_dtype(kind)
    computes = np.float32 if kind == TensorProto.UINT8 else number
    weight = rng.normal(0, 0.3, (CHANNELS, 3, 3, 3)) * np.geomspace(0.1, 1, CHANNELS)[:, None, None, None]
    computed = helper.np_dtype_to_tensor_dtype(np.dtype(computes))
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2] if channels_last else [0, 1, 2, 3]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=computed),
        helper.make_node("Conv", ["numbers", "weight", "bias"], ["map"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["map"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["means"]),
        helper.make_node("Flatten", ["means"], ["features"]),
    ]
    shape = [batch, SIDE, SIDE, 3] if channels_last else [batch, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [helper.make_tensor_value_info("features", computed, [batch, CHANNELS])],
        [
            numpy_helper.from_array(weight.astype(computes), "weight"),
            numpy_helper.from_array(rng.normal(0, 0.1, CHANNELS).astype(computes), "bias"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def write_trained(folder: Path, network: Path, trained_on: Sequence[str] = ()) -> Path:
    """A head of three taps over the network, whose file lies beside it; where the spec is."""
    torch.manual_seed(1)
    layers = [nn.Linear(CHANNELS, 5), nn.ReLU(), nn.Linear(5, 4), Normalise()]
    head, tensors = export_head(layers, TAPS)
    base = describe(f"onnx:{network}")
    write_checkpoint(
        folder, base=base, base_tap="features", head=head, tensors=tensors, trained_on=trained_on, card={"a": 1}
    )
    shutil.copyfile(network, folder / f"{base.weights_sha256}.onnx")
    return folder / SPEC


def coloured_noise(number: int, side: int = 12) -> bytes:
    """A noisy picture in a colour of its own, as PNG."""
    rng = np.random.default_rng(number)
    pixels = np.clip(rng.integers(30, 226, 3) + rng.normal(0, 40, (side, side, 3)), 0, 255).astype(np.uint8)
    return _as_png(Image.fromarray(pixels))


def one_grey(shade: int) -> bytes:
    """A picture without any colour or pattern, as PNG."""
    return _as_png(Image.new("RGB", (SIDE, SIDE), (shade, shade, shade)))


def _as_png(image: Image.Image) -> bytes:
    stored = io.BytesIO()
    image.save(stored, "PNG")
    return stored.getvalue()
