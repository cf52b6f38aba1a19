"""Errors, numbers, plans of jobs and files of rows; no database, no HTTP."""
