"""Any picture file made into plain 8-bit RGB, or refused with a reason that a person can act on.

One rule for boxes and sizes holds everywhere: coordinates and sizes are those of the picture **as
displayed**, that is after the EXIF orientation has been applied. Labels drawn on unrotated pixels have to be
turned by whoever imports them.
"""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError, features

if TYPE_CHECKING:
    from collections.abc import Iterator

Reason = Literal["empty", "not-a-picture", "truncated", "too-large", "unsupported", "withdrawn"]

DEFAULT_MAX_PIXELS = 80_000_000
"""Below the size at which Pillow itself starts to warn, so that one limit decides and not two."""

try:
    import pillow_heif
except ImportError:
    # A library of its own, with a licence of its own; whoever has pictures of iPhones installs it.
    pillow_heif = None

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
}
"""The formats that are read, by Pillow's names, and the endings of their files."""

if features.check("avif"):
    FORMATS["AVIF"] = (".avif",)
if pillow_heif is not None:
    pillow_heif.register_heif_opener()
    FORMATS["HEIF"] = (".heic", ".heif")

EXTENSIONS = tuple(ending for endings in FORMATS.values() for ending in endings)

_UNREAD = (
    "apng arw avif cr2 cr3 dib dng eps heic heif ico j2k jp2 jxl jxr nef orf pbm pdf pgm pnm ppm psd raf rw2 svg tga "
    "tif tiff"
)
UNREAD_EXTENSIONS = frozenset(f".{ending}" for ending in _UNREAD.split(" ")) - set(EXTENSIONS)
"""Endings of pictures that are not read here: somebody who brings them wants to know."""

_SIGNATURES: tuple[bytes, ...] = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM", b"GIF8")

_FOREIGN_SIGNATURES = (
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML or SVG"),
    (0, b"\x00\x00\x01\x00", "icon"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112

# What Pillow's decoders raise on damaged files: by no means one family of errors.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)


class BadPicture(ValueError):
    """A picture that cannot be used; `reason` is a stable short code, the text one line for a person."""

    def __init__(self, reason: Reason, line: str) -> None:
        super().__init__(line)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """A verified picture. `width` and `height` in pixels as displayed; `mode` as stored in the file."""

    width: int
    height: int
    format: str
    mode: str


def inspect_picture(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> PictureInfo:
    """Verify the whole file, decoding it to its end, and say what it holds.

    Raises BadPicture; a file cut short is found because all of it is read. Of a JPEG fewer pixels are made than it
    has, since nobody looks at them: every coefficient is read all the same.
    """
    with _open_picture(data, max_pixels) as image:
        mode = image.mode
        width, height = image.size
        if image.format in {"JPEG", "MPO"}:
            image.draft("", (1, 1))
        _decode_fully(image)
        if _exif_orientation(image) >= 5:
            width, height = height, width
        return PictureInfo(width, height, _format_name(image), mode)


def open_rgb(
    source: bytes | Path | BinaryIO,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    draft: tuple[int, int] | None = None,
) -> Image.Image:
    """Decode a picture, turn it upright and make it 8-bit RGB: transparency on white, 16 bits scaled to 8.

    `draft` is a (width, height) that a JPEG may be shrunk to while it is decoded: never below it, often far
    above it, and with other pixels than a full decode followed by a resize. It is ignored for other formats.
    Colour profiles are not applied. Raises BadPicture, and OSError where a path cannot be read at all.
    """
    with _open_picture(source, max_pixels) as image:
        if draft is not None and image.format in {"JPEG", "MPO"}:
            image.draft("", draft)  # an empty mode: shrink only, leave the colours alone
        _decode_fully(image)
        turn = _UPRIGHT.get(_exif_orientation(image))
        upright = image if turn is None else image.transpose(turn)
        return _as_rgb(upright)


def orientation_of(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> int:
    """The EXIF orientation, 1 to 8, that `open_rgb` undoes; 1 where there is none. Reads the header only."""
    with _open_picture(data, max_pixels) as image:
        return _exif_orientation(image)


@contextmanager
def _open_picture(source: bytes | Path | BinaryIO, max_pixels: int) -> Iterator[Image.Image]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield _identify_format(file, max_pixels)
    else:
        yield _identify_format(io.BytesIO(source) if isinstance(source, bytes) else source, max_pixels)


def _identify_format(file: BinaryIO, max_pixels: int) -> Image.Image:
    """Read the header only, so that a decompression bomb is refused before a pixel is unpacked."""
    head = file.read(32)
    file.seek(0)
    if not head:
        raise BadPicture("empty", "The file is empty.")
    try:
        image = Image.open(file, formats=tuple(FORMATS))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large_error(max_pixels) from error
    except UnidentifiedImageError as error:
        raise _unidentified_error(head) from error
    except _DAMAGE as error:
        raise _damaged_error() from error
    if image.width * image.height > max_pixels:
        raise _too_large_error(max_pixels)
    return image


def _decode_fully(image: Image.Image) -> None:
    try:
        image.load()
    except MemoryError as error:
        raise BadPicture("too-large", "The picture does not fit into memory.") from error
    except _DAMAGE as error:
        raise _damaged_error() from error


def _unidentified_error(head: bytes) -> BadPicture:
    for offset, signature, name in _FOREIGN_SIGNATURES:
        if head[offset:].startswith(signature):
            return BadPicture("unsupported", unread_words(name))
    if head.startswith(_SIGNATURES):
        return _damaged_error()
    return BadPicture("not-a-picture", "The file is not a picture, whatever its name says.")


def unread_words(kind: str) -> str:
    """What to do with a picture of a kind that is not read here, one line."""
    if kind.upper() in {"HEIC", "HEIF"}:
        return "HEIC files need the library pillow-heif (the extra `heif`), or save it as JPEG."
    return f"{kind} files are not supported; save it as JPEG, PNG, WebP, BMP or GIF."


def _damaged_error() -> BadPicture:
    return BadPicture("truncated", "The picture is cut short or damaged and cannot be decoded to its end.")


def _too_large_error(max_pixels: int) -> BadPicture:
    return BadPicture("too-large", f"The picture has more than {max_pixels:,} pixels, the limit; it was not decoded.")


def _exif_orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; a broken EXIF block counts as none, since the pixels themselves are fine."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _DAMAGE:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _format_name(image: Image.Image) -> str:
    # Phones write several pictures into one JPEG (MPO); its first one is what counts here.
    return "JPEG" if image.format == "MPO" else str(image.format)


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image if type(image) is Image.Image else image.copy()
    if image.mode.startswith("I"):
        return _from_sixteen_bits(image)
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        coloured = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(coloured, mask=coloured.getchannel("A"))
        return white
    return image.convert("RGB")


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """Pillow's own conversion clips at 255 and gives an almost white picture; 65535 must become 255."""
    levels = np.asarray(image).astype(np.float32)
    grey = np.clip(np.rint(levels / 257.0), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
