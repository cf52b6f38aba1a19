"""Dope or Nope: people judge visual-search models blind."""

__version__ = "0.1.0"
