"""Data in, a new encoder out: recipes over shared parts, usable without Django."""
