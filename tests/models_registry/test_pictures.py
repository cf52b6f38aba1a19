"""Every kind of file becomes the RGB picture it shows, or is refused with its reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from models_registry.pictures import FORMATS, BadPicture, inspect_picture, open_rgb


def drawn(width: int = 12, height: int = 8) -> Image.Image:
    """A picture without any symmetry: every turn of it differs."""
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack([across * 20, down * 30, (across * down * 3)], axis=2).astype(np.uint8)
    return Image.fromarray(pixels)


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def refused(data: bytes, **options: int) -> str:
    with pytest.raises(BadPicture) as caught:
        inspect_picture(data, **options)
    with pytest.raises(BadPicture) as again:
        open_rgb(data, **options)
    assert caught.value.reason == again.value.reason
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("format_", ["PNG", "BMP", "GIF", "WEBP", "JPEG"])
def test_it_opens_every_supported_format(format_: str) -> None:
    options = {"lossless": True} if format_ == "WEBP" else {"quality": 95} if format_ == "JPEG" else {}
    data = saved(drawn(), format_, **options)

    picture = open_rgb(data)

    assert (picture.mode, picture.size) == ("RGB", (12, 8))
    assert inspect_picture(data).format == format_
    allowed = 40 if format_ in {"JPEG", "GIF"} else 0
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(drawn()).astype(int)).max() <= allowed


def test_it_takes_bytes_a_path_and_an_open_file(tmp_path: Path) -> None:
    data = saved(drawn(), "PNG")
    path = tmp_path / "picture.jpg"  # the name says something else than the content
    path.write_bytes(data)

    from_file = open_rgb(io.BytesIO(data))

    assert np.array_equal(open_rgb(data), open_rgb(path))
    assert np.array_equal(open_rgb(data), from_file)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_turns_a_picture_upright_as_pillow_does(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(drawn(), "PNG", exif=exif)

    info = inspect_picture(data)

    with Image.open(io.BytesIO(data)) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    assert np.array_equal(open_rgb(data), expected)
    assert (info.height, info.width) == expected.shape[:2]


def test_it_leaves_a_picture_with_a_senseless_orientation_as_it_is() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77

    assert np.array_equal(open_rgb(saved(drawn(), "PNG", exif=exif)), drawn())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_it_survives_a_broken_exif_block() -> None:
    data = saved(drawn(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")

    assert open_rgb(data).size == (12, 8)


def test_it_puts_transparency_on_white() -> None:
    image = drawn().convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.array([[0, 255]], dtype=np.uint8), (8, 6))))

    pixels = np.asarray(open_rgb(saved(image, "PNG")))

    assert (pixels[:, 0::2] == 255).all()
    assert np.array_equal(pixels[:, 1::2], np.asarray(drawn())[:, 1::2])


def test_it_blends_half_transparent_pixels_with_white() -> None:
    pixels = np.asarray(open_rgb(saved(Image.new("RGBA", (2, 2), (100, 0, 200, 128)), "PNG")))

    expected = np.array([100, 0, 200]) * 128 / 255 + 255 * 127 / 255
    assert np.abs(pixels - expected).max() <= 1


def test_it_puts_a_transparent_palette_colour_on_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])

    pixels = np.asarray(open_rgb(saved(image, "PNG", transparency=0)))

    assert pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_it_puts_a_transparent_colour_of_an_rgb_picture_on_white() -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 8, 7))

    pixels = np.asarray(open_rgb(saved(image, "PNG", transparency=(1, 2, 3))))

    assert pixels.tolist() == [[[255, 255, 255], [9, 8, 7]]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_it_makes_every_png_mode_rgb(mode: str) -> None:
    picture = open_rgb(saved(drawn().convert(mode), "PNG"))

    expected = drawn().convert(mode).convert("RGB")
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(expected).astype(int)).max() <= 1


def test_it_makes_grey_and_cmyk_jpegs_rgb() -> None:
    grey = open_rgb(saved(drawn().convert("L"), "JPEG", quality=95))
    printed = open_rgb(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95))

    assert grey.mode == printed.mode == "RGB"
    red, green, blue = np.asarray(printed)[4, 4]
    assert red > 240
    assert max(green, blue) < 15


def test_it_scales_sixteen_bits_to_eight() -> None:
    levels = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)

    pixels = np.asarray(open_rgb(saved(Image.fromarray(levels), "PNG")))

    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_it_takes_the_first_frame_of_an_animation() -> None:
    first, second = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))

    pixels = np.asarray(open_rgb(saved(first, "GIF", save_all=True, append_images=[second])))

    assert (pixels == [255, 0, 0]).all()


def test_it_refuses_an_empty_file() -> None:
    assert refused(b"") == "empty"


def test_it_refuses_text_named_jpg(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("these are my notes")

    with pytest.raises(BadPicture) as caught:
        open_rgb(path)

    assert caught.value.reason == "not-a-picture"


@pytest.mark.parametrize("format_", ["PNG", "BMP", "GIF", "WEBP", "JPEG"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_it_reports_a_truncated_file(format_: str, kept: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = saved(noise, format_)

    assert refused(data[: int(len(data) * kept)]) == "truncated"


def test_it_reports_a_file_that_ends_inside_its_header() -> None:
    assert refused(saved(drawn(), "JPEG")[:10]) == "truncated"


def test_it_reports_damaged_pixels() -> None:
    data = bytearray(saved(drawn(64, 64), "PNG"))
    middle = data.index(b"IDAT") + 10
    data[middle : middle + 8] = b"\x00" * 8

    assert refused(bytes(data)) == "truncated"


@pytest.mark.parametrize(
    "head", [b"II*\x00", b"MM\x00*", b"%PDF-1.7", b"8BPS", b"<svg xmlns=", b"\x00\x00\x00\x18ftypheic"]
)
def test_it_names_formats_that_it_does_not_support(head: bytes) -> None:
    assert refused(head + bytes(64)) == "unsupported"


@pytest.mark.parametrize("side", [9_500, 100_000])
def test_it_refuses_a_decompression_bomb_before_decoding(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    bomb += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))

    # No pixel is there: had it been decoded, the reason would be "truncated".
    assert refused(bomb) == "too-large"


def test_it_refuses_more_pixels_than_the_caller_allows() -> None:
    data = saved(drawn(), "PNG")

    assert refused(data, max_pixels=95) == "too-large"
    assert inspect_picture(data, max_pixels=96).width == 12


def test_it_shrinks_only_jpegs_while_decoding_and_never_below_what_was_asked() -> None:
    large = drawn(12, 8).resize((1200, 800))

    jpeg = open_rgb(saved(large, "JPEG"), draft=(224, 224))
    png = open_rgb(saved(large, "PNG"), draft=(224, 224))

    assert 224 <= min(jpeg.size) < 800
    assert png.size == (1200, 800)


def test_it_leaves_the_settings_of_pillow_alone() -> None:
    limit = Image.MAX_IMAGE_PIXELS
    data = saved(drawn(64, 64), "JPEG")

    refused(data[: len(data) // 2])
    open_rgb(data)

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.skipif("AVIF" not in FORMATS, reason="Pillow was built without AVIF here")
def test_it_reads_avif() -> None:
    data = saved(drawn(64, 48), "AVIF")
    assert (inspect_picture(data).format, open_rgb(data).size) == ("AVIF", (64, 48))


@pytest.mark.skipif("HEIF" not in FORMATS, reason="pillow-heif, the extra heif, is not installed here")
def test_it_reads_heic_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(drawn(64, 48), "HEIF", exif=exif.tobytes())
    assert (inspect_picture(data).format, inspect_picture(data).width, inspect_picture(data).height) == ("HEIF", 48, 64)
    assert open_rgb(data).size == (48, 64)


@pytest.mark.skipif("HEIF" in FORMATS, reason="pillow-heif is installed here")
def test_it_says_what_reads_heic() -> None:
    with pytest.raises(BadPicture, match="need the library pillow-heif"):
        inspect_picture(b"\x00\x00\x00\x18ftypheic" + bytes(64))
