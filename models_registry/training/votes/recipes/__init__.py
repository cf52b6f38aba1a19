"""Recipes that learn from votes, one to a file."""
