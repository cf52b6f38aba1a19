"""Shards of vectors in storage that several machines share; no database."""
