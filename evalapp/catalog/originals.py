"""Pictures as they came: checked, stored once under their SHA-256, byte for byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from evalapp.catalog.files import write_once
from models_registry.pictures import inspect


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


def store_original(data: bytes, known: Original | None = None) -> Original:
    """Check that `data` is a whole picture and store it; raises BadPicture.

    `known` is what is expected: the same bytes again are not decoded again.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if known is not None and known.sha256 == sha256:
        original = known
    else:
        info = inspect(data)
        original = Original(sha256, info.width, info.height, len(data))
    write_once(original.file, data)
    return original
