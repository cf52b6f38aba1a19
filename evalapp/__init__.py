"""Dope or Nope: people judge visual-search models blind."""
