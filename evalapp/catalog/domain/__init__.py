"""Importers, original files and reports; no database."""
