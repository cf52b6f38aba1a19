"""What visitors see of a picture, or of a box in it: WebP or JPEG, for usual and for dense screens.

The names tell nothing, not even whether they are of a `Picture` or of a `Cutout`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock

from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import get_script_prefix, reverse
from PIL import Image, ImageCms

from evalapp.catalog.domain.box_styles import with_margin
from evalapp.catalog.domain.content_files import is_stored, write_once
from evalapp.catalog.domain.exposure_names import name_for
from evalapp.catalog.domain.image_padding import padded_jpeg, padded_webp
from evalapp.catalog.models import Cutout, Picture
from evalapp.core.domain.errors import Problem
from models_registry.pictures import BadPicture, open_rgb

LONG_SIDE = 800
SCALES = (1, 2)
"""A rendition of scale 2 has twice the long side, for screens with two dots per pixel."""
KINDS = {"webp": "image/webp", "jpg": "image/jpeg"}
"""Endings and their types: JPEG for the few who cannot show WebP, and for pictures in posted links."""
_QUALITY = {"webp": 82, "jpg": 84}
_THREADS = 2
_MAKING = Lock()
_PATIENCE = 8.0
"""Seconds that a request waits for those before it."""
_DIMMED = 0.7
"""How far what is outside a box is moved towards black."""


class Busy(Problem):
    """Nothing is wrong, but not now."""

    code = "busy"
    status = 503


def names_once(public_id: str, occasion: bytes) -> str:
    """The name by which `picture_url` leads to this picture on this occasion, and on no other.

    With MEDIA_URL_BASE pictures are files of another server, and keep the one name they have.
    """
    return public_id if settings.MEDIA_URL_BASE else name_for(public_id, occasion)


def picture_url(public_id: str, kind: str = "webp", scale: int = 1) -> str:
    """The address of what visitors see of this picture.

    With MEDIA_URL_BASE that of the file itself, which was made ahead.
    """
    if settings.MEDIA_URL_BASE:
        return f"{settings.MEDIA_URL_BASE}/{rendition_name(public_id, kind, scale)}"
    before, after = _address_parts("picture" if kind == "webp" else "picture-jpeg", get_script_prefix())
    return f"{before}{_scaled_name(public_id, scale)}{after}"


@cache
def _address_parts(view: str, _prefix: str) -> tuple[str, str]:
    """What stands before and after the name in an address: a deck has sixty of them, and each would be looked up."""
    before, _, after = reverse(view, args=["NAME"]).partition("NAME")
    return before, after


def rendition_name(public_id: str, kind: str = "webp", scale: int = 1) -> str:
    """The rendition's name in the default storage."""
    return f"renditions/{_scaled_name(public_id, scale)}.{kind}"


def _scaled_name(public_id: str, scale: int) -> str:
    return f"{public_id}@2x" if scale == 2 else public_id


def rendition_size(width: int, height: int, scale: int = 1) -> tuple[int, int]:
    """Width and height of the rendition of a picture of this size: the long side at most 800 (1600), never enlarged."""
    share = min(1.0, scale * LONG_SIDE / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


def make_rendition(shown: Picture | Cutout, kind: str = "webp", scale: int = 1) -> bytes:
    """What is shown: upright, in sRGB, with nothing in it but pixels; the same bytes every time.

    Raises BadPicture, and OSError where the original is gone.
    """
    image = image_of(shown, LONG_SIDE * scale)
    # Not from `image.size`: a JPEG shrunk while it is decoded may be a pixel off the original's proportions.
    size = rendition_size(shown.width, shown.height, scale)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if kind == "webp":
        image.save(out, "WEBP", quality=_QUALITY[kind], method=4, exif=b"", icc_profile=b"", xmp=b"")
        return padded_webp(out.getvalue())
    image.save(out, "JPEG", quality=_QUALITY[kind], optimize=True, progressive=True, exif=b"", icc_profile=None)
    return padded_jpeg(out.getvalue())


def image_of(shown: Picture | Cutout, side: int | None = None) -> Image.Image:
    """The pixels that are shown: upright, in sRGB, at the original's scale, or with `side` not much above it.

    Cutting out comes before any resizing, as it does for vectors: no pixel from outside a box bleeds into it. Raises
    BadPicture, and OSError where the original is gone.
    """
    cutout = shown if isinstance(shown, Cutout) else None
    picture = shown if isinstance(shown, Picture) else shown.picture
    with default_storage.open(picture.file) as file:
        data = file.read()
    # A box is in pixels of the original: a picture shrunk while it is decoded would have it between two.
    image = open_rgb(data, draft=(side, side) if side and cutout is None else None)
    image = _in_srgb(image, _profile_of(data))
    return image if cutout is None else _cut_out(image, cutout)


def _cut_out(image: Image.Image, cutout: Cutout) -> Image.Image:
    inside = with_margin(cutout.box, cutout.margin, image.width, image.height)
    if not cutout.dimmed:
        return image.crop(inside)
    dimmed = Image.blend(image, Image.new("RGB", image.size), _DIMMED)
    dimmed.paste(image.crop(inside), inside[:2])
    return dimmed


def ensure_rendition(shown: Picture | Cutout, kind: str = "webp", scale: int = 1) -> str:
    """The name in the storage of this rendition, made if it is missing. Raises as `make_rendition`.

    What has no more pixels than the usual rendition has one for both kinds of screens.
    """
    return _ensure_file(shown, kind, scale if _has_more(shown, scale) else 1)


def ensure_rendition_on_request(shown: Picture | Cutout, kind: str = "webp", scale: int = 1) -> str:
    """The same while somebody waits for it: one at a time in a process, and each once however many ask for it.

    Raises Busy where others are being made for too long. Decoding takes a hundred megabytes and more: made side by
    side, pictures would take the memory that the process has.
    """
    if not _MAKING.acquire(timeout=_PATIENCE):
        raise Busy("Pictures are being made; ask again in a moment.")
    try:
        return ensure_rendition(shown, kind, scale)
    finally:
        _MAKING.release()


def stored_rendition(shown: Picture | Cutout, kind: str, scale: int) -> str | None:
    """The name in the storage of this rendition, None where nobody has made it."""
    name = rendition_name(shown.public_id, kind, scale if _has_more(shown, scale) else 1)
    return name if is_stored(name) else None


def _has_more(shown: Picture | Cutout, scale: int) -> bool:
    return rendition_size(shown.width, shown.height) != rendition_size(shown.width, shown.height, scale)


def _ensure_file(shown: Picture | Cutout, kind: str, scale: int) -> str:
    name = rendition_name(shown.public_id, kind, scale)
    if not is_stored(name):
        write_once(name, make_rendition(shown, kind, scale))
    return name


def ensure_renditions(picture_ids: Iterable[int] = (), cutout_ids: Iterable[int] = ()) -> list[tuple[int, str]]:
    """Make the missing renditions; returns the pictures of those that could not be made, each with its reason.

    All of them ahead of time, so that no picture takes longer than another when it is shown for the first time, and
    no visitor's request has to decode an original. Where browsers fetch the files themselves, there has to be one
    behind every address that is given out.
    """
    pictures = Picture.objects.filter(pk__in=list(picture_ids)).order_by("pk")
    cutouts = Cutout.objects.filter(pk__in=list(cutout_ids)).select_related("picture").order_by("pk")
    all_shown: list[Picture | Cutout] = [*pictures, *cutouts]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="draw") as pool:
        reasons = pool.map(_try_renditions, all_shown)
        return [(_picture_id(shown), reason) for shown, reason in zip(all_shown, reasons, strict=True) if reason]


def _picture_id(shown: Picture | Cutout) -> int:
    return shown.pk if isinstance(shown, Picture) else shown.picture_id


def _try_renditions(shown: Picture | Cutout) -> str:
    try:
        for scale in SCALES:
            ensure_rendition(shown, scale=scale)
        ensure_rendition(shown, "jpg")
        if settings.MEDIA_URL_BASE:
            _ensure_file(shown, "webp", 2)
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
