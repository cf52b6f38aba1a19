"""Registering encoders, accounting for embeddings, asking for maps."""
