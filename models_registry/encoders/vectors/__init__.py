"""Vectors that were computed elsewhere, as encoders."""
