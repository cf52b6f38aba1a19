"""Which set of pyproject.toml an optional library is in, for machines that were installed without it."""

from __future__ import annotations

SET_OF_MODULE = {
    "torch": "worker",
    "faiss": "worker",
    "onnxruntime": "worker",
    "pyarrow": "worker",
    "safetensors": "worker",
    "onnx": "train",
    "pytorch_metric_learning": "train",
    "sklearn": "train",
    "numba": "fast",
    "storages": "s3",
    "boto3": "s3",
    "transformers": "hf",
}


def words_for_missing(error: ModuleNotFoundError) -> str:
    """One line: what is missing here, and what brings it."""
    module = (error.name or "").partition(".")[0]
    if module not in SET_OF_MODULE:
        return str(error)
    command = f"python requirements/install.py {SET_OF_MODULE[module]}"
    return f"{module} is not installed on this machine; get it with: {command}"
