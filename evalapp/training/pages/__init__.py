"""Operators' pages of training runs and of the loop."""
