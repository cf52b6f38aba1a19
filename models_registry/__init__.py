"""Encoders, vectors and exact neighbours: the engine, usable without Django."""
