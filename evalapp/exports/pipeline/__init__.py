"""Exports as long work."""
