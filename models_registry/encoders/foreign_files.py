"""Networks in files that are not read here, and how each becomes one that is.

Loading a pickle may run whatever its author wrote, and so may torch.export's archives (their constants may be
pickled): who trusts such a file converts it, once.
"""

from __future__ import annotations

from pathlib import Path

_TORCH = 'torch.onnx.export(model.eval(), (torch.zeros(1, 3, 224, 224),), "net.onnx", dynamo=True)'
_TENSORFLOW = "python -m tf2onnx.convert --{kind} FILE --output net.onnx"
_WAYS = {
    ".pt2": ("torch.export's archive", _TORCH.replace("model.eval()", "torch.export.load(FILE)")),
    ".pt": ("a pickle or TorchScript of PyTorch", _TORCH),
    ".pth": ("a pickle of PyTorch", _TORCH),
    ".ckpt": ("a pickle of PyTorch", _TORCH),
    ".h5": ("a Keras network", _TENSORFLOW.format(kind="keras")),
    ".keras": ("a Keras network", _TENSORFLOW.format(kind="keras")),
    ".pb": ("a TensorFlow graph", _TENSORFLOW.format(kind="graphdef")),
    ".tflite": ("a TensorFlow Lite network", _TENSORFLOW.format(kind="tflite")),
    ".mlmodel": ("a Core ML network", "export the network that it was made from as ONNX"),
    ".engine": ("a TensorRT engine, which fits one GPU only", "take the ONNX file that it was built from"),
    ".plan": ("a TensorRT engine, which fits one GPU only", "take the ONNX file that it was built from"),
}


def way_to_convert(source: str) -> str | None:
    """One line on what the file of a source is and how it becomes ONNX; None for a file of no such kind."""
    way = _WAYS.get(Path(source.partition("=")[0]).suffix.lower())
    if way is None:
        return None
    what, how = way
    return f"{source} is {what}, which is not loaded here. Convert it: {how}; then register onnx:net.onnx."
