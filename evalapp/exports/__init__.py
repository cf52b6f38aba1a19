"""Data sets of votes to take away."""
