"""Small pictures, good and bad, as bytes and in folders."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (30, 60, 200)


def picture(
    colour: Any = RED, size: tuple[int, int] = (24, 16), kind: str = "PNG", mode: str = "RGB", **how: Any
) -> bytes:
    """A picture of one colour, as `kind` stores it."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **how)
    return out.getvalue()


def numbered(number: int) -> bytes:
    """One of 65,536 different pictures."""
    return picture((number % 256, number // 256, 7), size=(8, 8))


def turned(size: tuple[int, int] = (40, 20), orientation: int = 6) -> bytes:
    """A JPEG whose pixels lie on their side: red on the left, blue on the right before it is turned."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A maker who must not be known"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


def bomb(side: int = 50_000) -> bytes:
    """A PNG of a few bytes that claims `side` x `side` pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """`root` with these files in it."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
