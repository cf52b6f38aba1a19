"""Delivering what is due."""
