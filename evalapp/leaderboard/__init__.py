"""The standings."""
