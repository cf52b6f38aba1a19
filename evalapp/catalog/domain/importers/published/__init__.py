"""Importers of published data sets, one file to a set."""
