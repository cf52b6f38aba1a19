"""What visitors see of a picture."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from evalapp.catalog.domain.content_files import write_once
from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.models import Picture
from evalapp.catalog.services import renditions
from evalapp.catalog.services.renditions import (
    ensure_rendition_on_request,
    ensure_renditions,
    make_rendition,
    rendition_name,
    rendition_size,
)
from models_registry.pictures import BadPicture
from tests.catalog.drawing import BLUE, RED, bomb, picture, turned


def kept(data: bytes) -> Picture:
    """A picture whose bytes are in the storage; not saved."""
    original = store_original(data)
    return Picture(
        sha256=original.sha256, file=original.file, width=original.width, height=original.height, size=original.size
    )


def shown(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(make_rendition(kept(data))))


def far(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_a_large_picture_becomes_800_on_its_long_side() -> None:
    image = shown(picture(size=(3001, 1000), kind="JPEG"))
    assert (image.format, image.mode, image.size) == ("WEBP", "RGB", (800, 267))


def test_a_small_picture_is_not_enlarged() -> None:
    assert shown(picture(size=(24, 16))).size == (24, 16)


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_proportions_are_kept_and_nothing_vanishes(width: int, height: int) -> None:
    across, down = rendition_size(width, height)
    assert 1 <= across <= min(width, 800)
    assert 1 <= down <= min(height, 800)
    assert max(across, down) == min(800, max(width, height))
    assert abs(across * height - down * width) <= max(width, height)


@pytest.mark.parametrize("size", [(1603, 1201), (2999, 401), (801, 3207)])
def test_the_size_promised_is_the_size_made(size: tuple[int, int]) -> None:
    assert shown(picture(size=size, kind="JPEG")).size == rendition_size(*size)


def test_a_turned_picture_stands_upright() -> None:
    image = shown(turned((40, 20), orientation=6))
    assert image.size == (20, 40)
    assert far(image.getpixel((10, 5)), RED) < 25
    assert far(image.getpixel((10, 35)), BLUE) < 25


def test_nothing_but_pixels_is_in_it() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "A maker"
    with_all = picture(kind="PNG", icc_profile=profile, exif=exif)
    made = make_rendition(kept(with_all))
    image = Image.open(io.BytesIO(made))
    image.load()
    assert not image.getexif()
    assert not {"icc_profile", "exif", "xmp"} & image.info.keys()
    assert not any(mark in made for mark in (b"EXIF", b"ICCP", b"XMP "))


def test_the_same_picture_gives_the_same_bytes() -> None:
    data = picture(size=(900, 700), kind="JPEG")
    assert make_rendition(kept(data)) == make_rendition(kept(data))


def test_colours_of_a_profile_are_brought_to_srgb() -> None:
    """A profile with red and blue swapped shows whether it was applied."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    assert swapped != plain
    assert far(shown(picture(RED, icc_profile=plain)).getpixel((5, 5)), RED) < 12
    assert far(shown(picture(RED, icc_profile=swapped)).getpixel((5, 5)), RED[::-1]) < 12


@pytest.mark.parametrize("profile", [b"not a profile", b"\0" * 200])
def test_a_broken_profile_is_passed_over(profile: bytes) -> None:
    assert far(shown(picture(RED, icc_profile=profile)).getpixel((5, 5)), RED) < 12


def test_a_profile_of_inks_does_not_spoil_a_cmyk_picture() -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"CMYK"
    image = shown(picture((0, 255, 255, 0), kind="JPEG", mode="CMYK", icc_profile=bytes(profile)))
    assert far(image.getpixel((5, 5)), (255, 0, 0)) < 40


@pytest.mark.database
@pytest.mark.django_db
def test_renditions_are_made_once_and_what_cannot_be_made_is_told() -> None:
    good, gone, broken = kept(picture(RED)), kept(picture(BLUE)), kept(picture())
    broken.sha256, broken.file = "0" * 64, "originals/00/broken"
    write_once(broken.file, b"damaged since")
    for row in (good, gone, broken):
        row.save()
    default_storage.delete(gone.file)

    faults = ensure_renditions([good.pk, gone.pk, broken.pk])
    assert [pk for pk, _ in faults] == [gone.pk, broken.pk]
    assert all(reason for _, reason in faults)

    path = Path(default_storage.path(rendition_name(good.public_id)))
    before = path.stat()
    assert ensure_renditions([good.pk]) == []
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    path.write_bytes(b"")
    assert ensure_renditions([good.pk]) == []
    assert path.read_bytes() == make_rendition(good)


@pytest.mark.database
@pytest.mark.django_db
def test_all_kinds_are_made_ahead_where_browsers_fetch_the_files_themselves(settings: LazySettings) -> None:
    large, small = kept(picture(RED, size=(1000, 900))), kept(picture(BLUE, size=(60, 80)))
    for row in (large, small):
        row.save()
    kinds = (("webp", 1), ("webp", 2), ("jpg", 1))
    names = {rendition_name(row.public_id, *what) for row in (large, small) for what in kinds}
    ensure_renditions([large.pk, small.pk])
    assert sum(map(default_storage.exists, names)) == 5
    settings.MEDIA_URL_BASE = "https://pictures.example.org"
    ensure_renditions([large.pk, small.pk])
    assert all(map(default_storage.exists, names))


@pytest.mark.database
@pytest.mark.django_db
def test_pictures_that_are_asked_for_at_once_are_made_one_by_one_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, most, made = 0, 0, []

    def slow(row: Picture, kind: str, scale: int) -> bytes:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        time.sleep(0.05)
        made.append(row.public_id)
        at_work -= 1
        return make_rendition(row, kind, scale)

    monkeypatch.setattr(renditions, "make_rendition", slow)
    rows = [kept(picture(colour)) for colour in (RED, BLUE)]
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(ensure_rendition_on_request, rows * 4))
    assert len(set(names)) == 2
    assert (most, sorted(made)) == (1, sorted(row.public_id for row in rows))


@pytest.mark.database
@pytest.mark.django_db
def test_whoever_would_wait_long_for_a_picture_is_told_to_come_again(
    admin_client: Client, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = kept(picture(RED))
    row.save()
    monkeypatch.setattr(renditions, "_PATIENCE", 0.01)
    with renditions._MAKING:
        answer = admin_client.get(f"/pictures/{row.public_id}.jpg")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert admin_client.get(f"/pictures/{row.public_id}.jpg").status_code == 200
    with renditions._MAKING:
        assert client.get(f"/pictures/{row.public_id}.jpg").status_code == 200, "what is there needs no making"


def test_an_original_of_more_than_forty_million_pixels_is_refused() -> None:
    with pytest.raises(BadPicture, match="more than 40,000,000 pixels"):
        store_original(bomb(6_400))
