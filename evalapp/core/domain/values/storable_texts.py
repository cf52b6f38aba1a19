"""Texts from files of unknown making: which the database can hold, and which say nothing."""

from __future__ import annotations

from evalapp.core.domain.errors import InvalidInput

_MISSING = {"nan", "-nan", "none", "null", "na", "n/a", "<na>", "#n/a", "#na", "nil"}


def why_unstorable(text: str) -> tuple[str, str] | None:
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


def check_text(name: str, text: str, most: int) -> None:
    """Raise InvalidInput, with the field, for a text that is longer than `most` or that the database cannot hold."""
    if len(text) > most:
        message = f"At most {most} characters."
        raise InvalidInput(f"The {name} is longer than {most} characters.", fields={name: [message]})
    if why_unstorable(text):
        message = "Holds a character that cannot be stored."
        raise InvalidInput(f"The {name} holds a character that cannot be stored.", fields={name: [message]})


def is_missing(text: str) -> bool:
    """Whether `text` is a word that programs write for nothing, such as `NaN`, `None` or `N/A`."""
    return text.strip().casefold() in _MISSING
