"""What visitors see of a picture: a small WebP under a name that tells nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image, ImageCms

from evalapp.catalog.files import is_stored, write_once
from evalapp.catalog.models import Picture
from models_registry.pictures import BadPicture, open_rgb

LONG_SIDE = 800
_QUALITY = 82
_THREADS = 2


def picture_url(public_id: str) -> str:
    """The address of what visitors see of this picture: with MEDIA_URL_BASE that of the file itself."""
    if settings.MEDIA_URL_BASE:
        return f"{settings.MEDIA_URL_BASE}/{rendition_name(public_id)}"
    return reverse("picture", kwargs={"public_id": public_id})


def rendition_name(public_id: str) -> str:
    """The rendition's name in the default storage."""
    return f"renditions/{public_id}.webp"


def rendition_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the rendition of a picture of this size: the long side at most 800, never enlarged."""
    scale = min(1.0, LONG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def make_rendition(picture: Picture) -> bytes:
    """The picture as WebP: upright, in sRGB, with nothing in it but pixels; the same bytes every time.

    Raises BadPicture, and OSError where the original is gone.
    """
    with default_storage.open(picture.file) as file:
        data = file.read()
    image = open_rgb(data, draft=(LONG_SIDE, LONG_SIDE))
    image = _in_srgb(image, _profile_of(data))
    # Not from `image.size`: a JPEG shrunk while it is decoded may be a pixel off the original's proportions.
    size = rendition_size(picture.width, picture.height)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=_QUALITY, method=4, exif=b"", icc_profile=b"", xmp=b"")
    return out.getvalue()


def ensure_rendition(picture: Picture) -> str:
    """The name in the storage of this picture's rendition, made if it is missing. Raises as `make_rendition`."""
    name = rendition_name(picture.public_id)
    if not is_stored(name):
        write_once(name, make_rendition(picture))
    return name


def ensure_renditions(picture_ids: Iterable[int]) -> list[tuple[int, str]]:
    """Make the missing renditions of these pictures; returns those that could not be made, each with its reason."""
    pictures = Picture.objects.filter(pk__in=list(picture_ids)).order_by("pk")
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="draw") as pool:
        reasons = pool.map(_try, pictures)
        return [(picture.pk, reason) for picture, reason in zip(pictures, reasons, strict=True) if reason]


def _try(picture: Picture) -> str:
    try:
        ensure_rendition(picture)
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
