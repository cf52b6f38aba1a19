"""ONNX files as encoders."""
