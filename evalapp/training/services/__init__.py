"""Runs are begun, noted and registered; the loop takes its turns."""
