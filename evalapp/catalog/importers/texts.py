"""Texts that come from files of unknown making."""

from __future__ import annotations


def unstorable(text: str) -> tuple[str, str] | None:
    """A code and a line if the database cannot hold `text`, else None.

    Bytes that were not UTF-8 have come in as lone surrogates (`surrogateescape`), in cells and in file names.
    """
    if "\0" in text:
        return "bad-character", "The row holds a NUL character; is this a text file?"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "not-utf-8", "The row is not UTF-8; save the file as CSV UTF-8, or rename the picture."
    return None


def printable(text: str) -> str:
    """`text` for a report: what was not UTF-8 becomes a replacement mark."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
