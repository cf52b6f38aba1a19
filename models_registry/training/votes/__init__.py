"""Recipes that learn from votes."""
