"""Catalogues: pictures with their labels, and the importers that bring them in."""
