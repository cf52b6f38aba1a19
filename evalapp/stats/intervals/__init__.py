"""Intervals and evidence: for one look, and valid at every look."""
