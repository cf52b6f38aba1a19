"""Engines, one file each: they propose rows that may be among the nearest."""
