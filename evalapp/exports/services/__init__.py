"""Asking for exports and writing them."""
