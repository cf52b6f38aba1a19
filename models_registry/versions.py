"""What the engine runs on here."""

from __future__ import annotations


def engine_summary() -> str:
    """One line: versions of the libraries, and the device that `auto` takes. Imports them all."""
    import faiss
    import onnxruntime
    import torch

    device = "CUDA" if torch.cuda.is_available() else "CPU"
    return f"torch {torch.__version__} on {device}, faiss {faiss.__version__}, onnxruntime {onnxruntime.__version__}"
