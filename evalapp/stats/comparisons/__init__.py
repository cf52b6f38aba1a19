"""Strengths of contenders where people choose between two."""
