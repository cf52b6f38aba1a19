"""Which character sets a request may be written in."""

from __future__ import annotations

import codecs

_TEXT = {"utf-8", "utf-8-sig", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16", "utf-32"}


def is_text_charset(name: str) -> bool:
    """Whether bytes in it can be read, with marks for what is wrong in them. Python also knows `rot13`, `undefined` and
    others that fail for every text.

    >>> [is_text_charset(name) for name in ("UTF-8", "latin-1", "rot13", "undefined", "idna", "")]
    [True, True, False, False, False, False]
    """
    try:
        return codecs.lookup(name).name in _TEXT
    except (LookupError, ValueError):
        return False
