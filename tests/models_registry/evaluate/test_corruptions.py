"""Corruptions keep the size, can be repeated, and hurt more the stronger they are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from models_registry.evaluate import corruptions
from models_registry.evaluate.corruptions import CORRUPTIONS, WORDS, corrupt_picture


def photo(size: tuple[int, int] = (120, 160)) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (10, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def damage(image: Image.Image) -> float:
    return float(np.abs(np.asarray(image, dtype=float) - np.asarray(photo(image.size), dtype=float)).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("size", [(120, 160), (1, 1), (3, 200)])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_corrupted_picture_is_rgb_of_the_same_size(name: str, size: tuple[int, int], strength: float) -> None:
    found = corrupt_picture(name, photo(size), strength=strength)
    assert (found.mode, found.size) == ("RGB", size)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_gives_the_same_pixels_and_the_original_stays(name: str) -> None:
    image = photo()
    first, again = corrupt_picture(name, image, seed=7), corrupt_picture(name, image, seed=7)
    assert first.tobytes() == again.tobytes()
    assert image.tobytes() == photo().tobytes()
    assert damage(first) > 0


@pytest.mark.parametrize("name", ["crop", "scribble", "text"])
def test_another_seed_gives_other_pixels(name: str) -> None:
    assert corrupt_picture(name, photo(), seed=1).tobytes() != corrupt_picture(name, photo(), seed=2).tobytes()


@pytest.mark.parametrize("name", ["crop", "jpeg", "shrink", "scribble", "text"])
def test_more_strength_does_more_damage(name: str) -> None:
    mild, strong = (
        np.mean([damage(corrupt_picture(name, photo(), strength=strength, seed=seed)) for seed in range(12)])
        for strength in (0.1, 1.0)
    )
    assert strong > mild


def test_a_flip_is_its_own_undoing() -> None:
    assert corrupt_picture("flip", corrupt_picture("flip", photo())).tobytes() == photo().tobytes()


def test_a_crop_of_no_strength_is_the_whole_picture() -> None:
    assert damage(corrupt_picture("crop", photo(), strength=0)) == 0


def test_a_strength_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="lies in 0"):
        corrupt_picture("jpeg", photo(), strength=2)


@pytest.mark.parametrize(("strength", "sides"), [(0.0, (12, 16)), (0.5, (9, 12)), (1.0, (6, 8))])
def test_a_crop_is_all_down_to_half_of_each_side_from_anywhere(strength: float, sides: tuple[int, int]) -> None:
    """Each answer is one of all cuts of that size, and over many draws every one of them occurs."""
    image, (width, height) = photo((12, 16)), sides
    cuts = {
        image.crop((left, top, left + width, top + height)).resize((12, 16), Image.Resampling.BILINEAR).tobytes()
        for left in range(12 - width + 1)
        for top in range(16 - height + 1)
    }
    found = {corrupt_picture("crop", image, strength=strength, seed=seed).tobytes() for seed in range(600)}
    assert found == cuts


@pytest.mark.parametrize(("strength", "quality"), [(0.0, 60), (0.2, 49), (1.0, 5)])
def test_jpeg_is_saved_at_a_quality_from_60_down_to_5(strength: float, quality: int) -> None:
    stored = io.BytesIO()
    photo().save(stored, "JPEG", quality=quality)
    with Image.open(stored) as opened:
        assert corrupt_picture("jpeg", photo(), strength=strength).tobytes() == opened.convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("size", "strength", "small"),
    [
        ((120, 160), 0.0, (60, 80)),
        ((120, 160), 0.5, (30, 40)),
        ((120, 160), 1.0, (15, 20)),
        ((3, 200), 1.0, (1, 25)),
        ((200, 3), 1.0, (25, 1)),
    ],
)
def test_shrunk_pictures_had_half_to_an_eighth_of_each_side(
    size: tuple[int, int], strength: float, small: tuple[int, int]
) -> None:
    twin = photo(size).resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
    assert corrupt_picture("shrink", photo(size), strength=strength).tobytes() == twin.tobytes()


@dataclass(frozen=True)
class Pen:
    """Notes what is drawn instead of drawing it."""

    image: Image.Image
    drawn: list[dict[str, Any]]

    def line(self, points: list[tuple[float, float]], **said: Any) -> None:
        self.drawn.append({"points": points, **said})

    def text(self, place: tuple[float, float], text: str, **said: Any) -> None:
        self.drawn.append({"place": place, "text": text, **said})

    def textbbox(self, *said: Any, **named: Any) -> tuple[float, float, float, float]:
        return ImageDraw.Draw(self.image).textbbox(*said, **named)


def drawn(
    monkeypatch: pytest.MonkeyPatch, name: str, size: tuple[int, int], strength: float, draws: int = 40
) -> list[list[dict[str, Any]]]:
    """What the pen is asked for in each of so many corruptions."""
    notes: list[list[dict[str, Any]]] = []

    def pen_for(image: Image.Image) -> Pen:
        notes.append([])
        return Pen(image, notes[-1])

    with monkeypatch.context() as patched:
        patched.setattr(corruptions, "ImageDraw", SimpleNamespace(Draw=pen_for))
        for seed in range(draws):
            corrupt_picture(name, photo(size), strength=strength, seed=seed)
    return notes


STEPS = [(0.0, 1, 1), (0.2, 2, 2), (0.4, 3, 2), (0.6, 4, 3), (0.8, 5, 3), (1.0, 6, 4)]


@pytest.mark.parametrize(("strength", "strokes", "lines"), STEPS)
def test_one_to_six_strokes_and_one_to_four_lines_of_words(
    strength: float, strokes: int, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {len(one) for one in drawn(monkeypatch, "scribble", (40, 30), strength)} == {strokes}
    assert {len(one) for one in drawn(monkeypatch, "text", (40, 30), strength)} == {lines}


def test_strokes_cross_the_whole_picture_and_none_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = [stroke for one in drawn(monkeypatch, "scribble", (300, 20), 1.0) for stroke in one]
    ends = np.array([stroke["points"] for stroke in strokes])
    assert ends.shape == (240, 5, 2)
    assert ends.min(axis=(0, 1)) == pytest.approx([0, 0], abs=2)
    assert ends.max(axis=(0, 1)) == pytest.approx([300, 20], abs=2)
    assert (ends >= 0).all()
    assert (ends <= [300, 20]).all()


@pytest.mark.parametrize(
    ("size", "width"), [((500, 20), 10), ((20, 500), 10), ((100, 20), 2), ((99, 20), 1), ((10, 10), 1)]
)
def test_a_pen_is_a_fiftieth_of_the_long_side_wide(
    size: tuple[int, int], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    [[stroke]] = drawn(monkeypatch, "scribble", size, 0.0, draws=1)
    assert stroke["width"] == width


@pytest.mark.parametrize("name", ["scribble", "text"])
def test_colours_are_any_that_a_picture_can_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [one for some in drawn(monkeypatch, name, (10, 10), 1.0, draws=300) for one in some]
    for part in ("fill", *(("stroke_fill",) if name == "text" else ())):
        colours = np.array([one[part] for one in said])
        assert colours.shape == (len(said), 3)
        assert (colours.min(), colours.max()) == (0, 255)


@pytest.mark.parametrize(
    ("size", "strength", "height"),
    [((400, 300), 0.0, 24), ((300, 400), 0.5, 42), ((400, 300), 1.0, 60), ((50, 60), 0.0, 8), ((50, 60), 1.0, 10)],
)
def test_words_are_a_twelfth_to_a_fifth_of_the_short_side_high_and_legible(
    size: tuple[int, int], strength: float, height: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def font_of(size: float) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
        asked.append(size)
        return ImageFont.load_default(size=size)

    monkeypatch.setattr(corruptions, "ImageFont", SimpleNamespace(load_default=font_of))
    corrupt_picture("text", photo(size), strength=strength)
    assert asked == [pytest.approx(height)]


class Edge:
    """Chance that always draws the least or the most of a range; words are drawn in turn."""

    def __init__(self, most: bool) -> None:
        self._most, self._turn = most, 0

    def uniform(self, low: float, high: float) -> float:
        return high if self._most else low

    def integers(self, end: int, size: int | None = None) -> Any:
        self._turn += 1
        return np.zeros(size, dtype=int) if size else self._turn % end


def test_words_lie_anywhere_in_the_picture_and_begin_in_it_where_they_are_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for most in (False, True):
        for size in ((400, 300), (12, 12)):
            image, notes = photo(size), []  # type: ignore[var-annotated]
            monkeypatch.setattr(corruptions, "ImageDraw", SimpleNamespace(Draw=lambda of, n=notes: Pen(of, n)))
            corruptions.write_words(image, 1.0, Edge(most))  # type: ignore[arg-type]
            assert len(notes) == 4
            for words in notes:
                left, top, right, bottom = ImageDraw.Draw(image).textbbox(
                    words["place"], words["text"], font=words["font"]
                )
                fits = (right - left <= size[0] - 1, bottom - top <= size[1] - 1)
                assert fits == ((True, True) if size == (400, 300) else (False, True))
                ends = left if not most else size[0] - right if fits[0] else left - 1
                assert ends == pytest.approx(0, abs=0.9)
                assert (size[1] - bottom if most else top) == pytest.approx(0, abs=0.9)
                assert words["stroke_width"] == 1


class Inked(Pen):
    """A pen whose letters begin right of and below the place that they are written at, as some fonts have it."""

    def textbbox(self, *_said: Any, **_named: Any) -> tuple[float, float, float, float]:
        return 5, 9, 45, 29


@pytest.mark.parametrize(("size", "room"), [((100, 60), (60, 40)), ((30, 10), (1, 1))])
@pytest.mark.parametrize("most", [False, True])
def test_it_is_the_ink_that_lies_in_the_picture(
    size: tuple[int, int], room: tuple[int, int], most: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[dict[str, Any]] = []
    monkeypatch.setattr(corruptions, "ImageDraw", SimpleNamespace(Draw=lambda of: Inked(of, notes)))
    corruptions.write_words(photo(size), 0.0, Edge(most))  # type: ignore[arg-type]
    [words] = notes
    ink = (words["place"][0] + 5, words["place"][1] + 9)
    assert ink == (room if most else (0, 0))


def test_every_word_is_written_by_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {words["text"] for one in drawn(monkeypatch, "text", (30, 30), 1.0, draws=60) for words in one} == {*WORDS}


def test_half_the_strength_and_the_first_seed_are_what_nothing_said_means() -> None:
    assert (
        corrupt_picture("crop", photo()).tobytes() == corrupt_picture("crop", photo(), strength=0.5, seed=0).tobytes()
    )


def test_an_unknown_corruption_and_a_strength_below_nothing_are_refused() -> None:
    with pytest.raises(KeyError):
        corrupt_picture("melt", photo())
    with pytest.raises(ValueError, match=r"not -0\.1"):
        corrupt_picture("jpeg", photo(), strength=-0.1)
    with pytest.raises(ValueError, match=r"not 1\.01"):
        corrupt_picture("jpeg", photo(), strength=1.01)
