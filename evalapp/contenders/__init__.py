"""Encoders that were registered, and the embeddings they make of catalogues."""
