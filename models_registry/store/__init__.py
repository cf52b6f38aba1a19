"""Vectors on disk, found again by what they were computed from."""

from models_registry.store.shards import BrokenShard
from models_registry.store.stored_vectors import Vectors
from models_registry.store.tap_store import MissingVectors, TapStore, VectorStore
from models_registry.store.vector_keys import KEY_BYTES, content_key, key_for_both, key_for_item, masked_key

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
    "masked_key",
]
