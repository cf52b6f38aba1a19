"""Encoders, vectors and exact neighbours: the engine, usable without Django."""

import os

# ONNX Runtime's builds report usage to their maker unless told not to before the first import. What people search
# for is nobody's business: nothing leaves the machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
