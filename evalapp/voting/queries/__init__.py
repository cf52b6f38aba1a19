"""Reads of the vote path, and what voters and operators see of it."""
