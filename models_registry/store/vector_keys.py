"""Keys of stored vectors: 32 bytes that say what the vector was computed from."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY_BYTES = 32

_SHA256 = re.compile(r"[0-9a-f]{64}")


def content_key(picture_sha256: str, box: tuple[int, int, int, int] | None) -> bytes:
    """The key of a picture's vector: the SHA-256 over the picture's own (64 hex digits) and its box x1, y1, x2, y2.

    The encoder is not in it: an encoder has a folder of its own.
    """
    if not _SHA256.fullmatch(picture_sha256):
        raise ValueError(f"A picture is named by its SHA-256 in 64 lower-case hex digits, not {picture_sha256!r}.")
    corners = "whole" if box is None else ",".join(str(int(corner)) for corner in box)
    return hashlib.sha256(f"picture\n{picture_sha256}\n{corners}".encode()).digest()


def masked_key(key: bytes, masker: str, masker_sha256: str) -> bytes:
    """The key of a vector of the same picture after a masker has blanked what is not the object.

    Name and hash (64 hex digits) of the masker are in it: another masker, another version of one, or none at all never
    share a key. Raises ValueError for a masker without name or hash.
    """
    if not masker or not _SHA256.fullmatch(masker_sha256):
        raise ValueError(f"A masker is known by its name and its SHA-256, not {masker!r} {masker_sha256!r}.")
    if len(key) != KEY_BYTES:
        raise ValueError(f"A key is {KEY_BYTES} bytes long; make it with content_key or key_for_item.")
    return hashlib.sha256(b"masked\n" + key + f"\n{masker_sha256}\n{masker}".encode()).digest()


def key_for_item(item_key: str) -> bytes:
    """The key of a vector that was computed elsewhere and is named by its item's key."""
    return hashlib.sha256(f"item\n{item_key}".encode()).digest()


def key_for_both(picture_sha256: str, box: tuple[int, int, int, int] | None, item_key: str) -> bytes:
    """The key of a vector that follows from a picture and from what was computed elsewhere for its item."""
    return hashlib.sha256(content_key(picture_sha256, box) + key_for_item(item_key)).digest()


def join_keys(keys: Sequence[bytes]) -> bytes:
    """Keys one after the other, as they are written; raises ValueError where one is not KEY_BYTES long."""
    if any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"A key is {KEY_BYTES} bytes long; make it with content_key or key_for_item.")
    return b"".join(keys)


def part_keys(raw: bytes) -> list[bytes]:
    """The keys of `join_keys` again."""
    return [raw[start : start + KEY_BYTES] for start in range(0, len(raw), KEY_BYTES)]
