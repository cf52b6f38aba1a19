"""Names that stand in addresses: of catalogues, studies and rounds."""

from __future__ import annotations

import re
from collections.abc import Collection
from unicodedata import normalize

from evalapp.core.domain.errors import InvalidInput

SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]{0,79}$"
"""Up to 80 lower-case letters, digits and dashes, the first of them no dash. The database holds the same rule."""


def check_slug(slug: str) -> None:
    """Raise InvalidInput, with the field, where `slug` cannot stand in an address."""
    if not re.fullmatch(SLUG_PATTERN.strip("^$"), slug):
        raise InvalidInput(
            f"{slug!r} cannot stand in an address; use small letters, digits and dashes.",
            fields={"slug": ["Up to 80 small letters, digits and dashes."]},
        )


def slug_from(words: str, otherwise: str) -> str:
    """Words made into a name for addresses, at most 70 letters; `otherwise` where nothing of them can stand there.

    >>> slug_from("Été 2026: robes", "catalogue")
    'ete-2026-robes'
    """
    letters = normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:70].rstrip("-") or otherwise


def first_free(stem: str, taken: Collection[str]) -> str:
    """`stem`, or `stem-2`, `stem-3` … where names are taken."""
    number, slug = 1, stem
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
