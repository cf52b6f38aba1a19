"""Recipes that learn from labels, one to a file."""
