"""Texts that come from files of unknown making."""

from __future__ import annotations


def printable_text(text: str) -> str:
    """`text` for a report: what was not UTF-8 becomes a replacement mark."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
