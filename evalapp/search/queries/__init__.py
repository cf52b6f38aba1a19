"""Reads: indexes, answers joined with their rows, the baseline without vectors, and what the service says."""
