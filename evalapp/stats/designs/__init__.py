"""Designs: with which probability each pair is shown next."""
