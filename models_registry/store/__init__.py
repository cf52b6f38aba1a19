"""Vectors on disk, found again by what they were computed from."""

from models_registry.store.keys import KEY_BYTES, content_key, key_for_both, key_for_item
from models_registry.store.shards import BrokenShard
from models_registry.store.taps import MissingVectors, TapStore, VectorStore
from models_registry.store.vectors import Vectors

__all__ = [
    "KEY_BYTES",
    "BrokenShard",
    "MissingVectors",
    "TapStore",
    "VectorStore",
    "Vectors",
    "content_key",
    "key_for_both",
    "key_for_item",
]
