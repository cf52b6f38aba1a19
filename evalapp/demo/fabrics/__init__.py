"""Bolts of cloth: pattern tiles, weaves, and how they are laid onto a piece."""

from evalapp.demo.fabrics.bolts import Bolt, bolt_for

__all__ = ["Bolt", "bolt_for"]
