"""Pictures as they came: checked, stored once under their SHA-256, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from evalapp.catalog.domain.content_files import write_once
from models_registry.pictures import BadPicture, inspect_picture

MOST_PIXELS = 40_000_000
"""Largest original in pixels. A web process may decode one beside its other work; phones store half as many."""


@dataclass(frozen=True, slots=True)
class Original:
    """A picture whose bytes are in the storage. `width` and `height` in pixels as displayed, `size` in bytes."""

    sha256: str
    width: int
    height: int
    size: int

    @property
    def file(self) -> str:
        """Its name in the default storage."""
        return f"originals/{self.sha256[:2]}/{self.sha256}"


def store_original(data: bytes, expected: Original | None = None, withdrawn: Collection[str] = ()) -> Original:
    """Check that `data` is a whole picture and store it; raises BadPicture.

    `expected` is what it is likely to be: the same bytes again are not decoded again. What is among `withdrawn`, by its
    hash, is refused as a bad picture with the reason `withdrawn`.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 in withdrawn:
        raise BadPicture("withdrawn", "This picture was withdrawn for good.")
    if expected is not None and expected.sha256 == sha256:
        original = expected
    else:
        info = inspect_picture(data, max_pixels=MOST_PIXELS)
        original = Original(sha256, info.width, info.height, len(data))
    write_once(original.file, data)
    return original
