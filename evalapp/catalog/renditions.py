"""What visitors see of a picture: WebP or JPEG, for usual and for dense screens, under names that tell nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import get_script_prefix, reverse
from PIL import Image, ImageCms

from evalapp.catalog.files import is_stored, write_once
from evalapp.catalog.models import Picture
from evalapp.catalog.padding import padded_jpeg, padded_webp
from models_registry.pictures import BadPicture, open_rgb

LONG_SIDE = 800
SCALES = (1, 2)
"""A rendition of scale 2 has twice the long side, for screens with two dots per pixel."""
KINDS = {"webp": "image/webp", "jpg": "image/jpeg"}
"""Endings and their types: JPEG for the few who cannot show WebP, and for pictures in posted links."""
_QUALITY = {"webp": 82, "jpg": 84}
_THREADS = 2


def picture_url(public_id: str, kind: str = "webp", scale: int = 1) -> str:
    """The address of what visitors see of this picture.

    With MEDIA_URL_BASE that of the file itself, which was made ahead.
    """
    if settings.MEDIA_URL_BASE:
        return f"{settings.MEDIA_URL_BASE}/{rendition_name(public_id, kind, scale)}"
    before, after = _around("picture" if kind == "webp" else "picture-jpeg", get_script_prefix())
    return f"{before}{_dense(public_id, scale)}{after}"


@cache
def _around(view: str, _prefix: str) -> tuple[str, str]:
    """What stands before and after the name in an address: a deck has sixty of them, and each would be looked up."""
    before, _, after = reverse(view, args=["NAME"]).partition("NAME")
    return before, after


def rendition_name(public_id: str, kind: str = "webp", scale: int = 1) -> str:
    """The rendition's name in the default storage."""
    return f"renditions/{_dense(public_id, scale)}.{kind}"


def _dense(public_id: str, scale: int) -> str:
    return f"{public_id}@2x" if scale == 2 else public_id


def rendition_size(width: int, height: int, scale: int = 1) -> tuple[int, int]:
    """Width and height of the rendition of a picture of this size: the long side at most 800 (1600), never enlarged."""
    share = min(1.0, scale * LONG_SIDE / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


def make_rendition(picture: Picture, kind: str = "webp", scale: int = 1) -> bytes:
    """The picture: upright, in sRGB, with nothing in it but pixels; the same bytes every time.

    Raises BadPicture, and OSError where the original is gone.
    """
    with default_storage.open(picture.file) as file:
        data = file.read()
    side = LONG_SIDE * scale
    image = open_rgb(data, draft=(side, side))
    image = _in_srgb(image, _profile_of(data))
    # Not from `image.size`: a JPEG shrunk while it is decoded may be a pixel off the original's proportions.
    size = rendition_size(picture.width, picture.height, scale)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if kind == "webp":
        image.save(out, "WEBP", quality=_QUALITY[kind], method=4, exif=b"", icc_profile=b"", xmp=b"")
        return padded_webp(out.getvalue())
    image.save(out, "JPEG", quality=_QUALITY[kind], optimize=True, progressive=True, exif=b"", icc_profile=None)
    return padded_jpeg(out.getvalue())


def ensure_rendition(picture: Picture, kind: str = "webp", scale: int = 1) -> str:
    """The name in the storage of this picture's rendition, made if it is missing. Raises as `make_rendition`.

    A picture that has no more pixels than the usual rendition has one for both kinds of screens.
    """
    has_more = rendition_size(picture.width, picture.height) != rendition_size(picture.width, picture.height, scale)
    return _ensure(picture, kind, scale if has_more else 1)


def _ensure(picture: Picture, kind: str, scale: int) -> str:
    name = rendition_name(picture.public_id, kind, scale)
    if not is_stored(name):
        write_once(name, make_rendition(picture, kind, scale))
    return name


def ensure_renditions(picture_ids: Iterable[int]) -> list[tuple[int, str]]:
    """Make the missing renditions of these pictures; returns those that could not be made, each with its reason.

    All of them ahead of time, so that no picture takes longer than another when it is shown for the first time. JPEG is
    for few, and made when it is asked for. Where browsers fetch the files themselves, there has to be one behind every
    address that is given out.
    """
    pictures = Picture.objects.filter(pk__in=list(picture_ids)).order_by("pk")
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="draw") as pool:
        reasons = pool.map(_try, pictures)
        return [(picture.pk, reason) for picture, reason in zip(pictures, reasons, strict=True) if reason]


def _try(picture: Picture) -> str:
    try:
        for scale in SCALES:
            ensure_rendition(picture, scale=scale)
        if settings.MEDIA_URL_BASE:
            for kind, scale in (("webp", 2), ("jpg", 1)):
                _ensure(picture, kind, scale)
    except BadPicture as error:
        return str(error)
    except OSError as error:
        return f"The original cannot be read: {error.strerror or error}."
    return ""


def _profile_of(data: bytes) -> ImageCms.ImageCmsProfile | None:
    """The embedded colour profile if it speaks about RGB; only the file's header is read."""
    with Image.open(io.BytesIO(data)) as image:
        raw = image.info.get("icc_profile")
    if not raw:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(raw))
    except OSError:
        return None
    return profile if profile.profile.xcolor_space.strip() == "RGB" else None


def _in_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Image.Image:
    """Wide-gamut photos of phones look dull when their profile is dropped instead of applied."""
    if profile is None:
        return image
    try:
        return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB")) or image
    except ImageCms.PyCMSError:
        return image
