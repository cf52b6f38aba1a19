"""Catalogues and flags over HTTP, for operators."""
