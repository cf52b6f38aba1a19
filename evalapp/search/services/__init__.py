"""Writes: indexes and their generations, what people say to answers, kept photos, pairs of duplicates."""
