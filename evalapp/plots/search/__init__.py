"""Drawings of what searching costs and reaches."""
