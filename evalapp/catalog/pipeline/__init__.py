"""Importing data sets: by a command in this process, or by a worker in chunks."""

from evalapp.catalog.pipeline.row_imports import FlagsNoted, Outcome, import_rows

__all__ = ["FlagsNoted", "Outcome", "import_rows"]
