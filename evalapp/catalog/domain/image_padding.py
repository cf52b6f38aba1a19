"""Files filled up to whole steps, so that their length tells little of what was done to a picture before."""

from __future__ import annotations

import struct

STEP = 4_096
"""Bytes. A picture that was cropped or compressed once more is shorter by less than this, as a rule."""


def padded_webp(data: bytes, step: int = STEP) -> bytes:
    """The same picture with a chunk at its end that every reader passes over; its length a multiple of `step`."""
    room = -(len(data) + 8) % step
    # Chunks have an even length, and so has the file before.
    longer = data + b"PAD " + struct.pack("<I", room) + bytes(room)
    return longer[:4] + struct.pack("<I", len(longer) - 8) + longer[8:]


def padded_jpeg(data: bytes, step: int = STEP) -> bytes:
    """The same picture with a comment before its end mark; its length a multiple of `step`."""
    room = -(len(data) + 4) % step
    return data[:-2] + b"\xff\xfe" + struct.pack(">H", room + 2) + bytes(room) + data[-2:]
