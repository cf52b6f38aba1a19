"""Whose report of a pair weighs something."""

from __future__ import annotations

FEWEST_VERDICTS = 10
"""Voters with fewer answered pairs have no record …"""
MOST_REPORTS = 0.2
"""… and is heard while at most so large a share of their answers are reports."""
