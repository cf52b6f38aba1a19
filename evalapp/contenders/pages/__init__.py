"""Operators' pages of models and maps."""
