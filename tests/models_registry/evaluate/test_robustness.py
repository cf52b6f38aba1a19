"""What survives damage: all of it where nothing happens, little where everything does."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.evaluate.corruptions import CORRUPTIONS, Corruption
from models_registry.evaluate.robustness import Asked, Survival, measure_robustness
from models_registry.registry import describe, load
from models_registry.spec import Box
from models_registry.store import Vectors


def photo(number: int) -> bytes:
    small = np.random.default_rng(number).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(small).resize((48, 60), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    found = load(describe("colour-histogram"))
    assert isinstance(found, Encoder)
    return found


@pytest.fixture(scope="module")
def asked(encoder: Encoder) -> Asked:
    gallery = [Picture(str(number), photo(number)) for number in range(40)]
    vectors = np.concatenate([batch.vectors["embedding"] for batch in embed(encoder, gallery, taps=["embedding"])])
    return Asked(gallery[:8], np.arange(8), Vectors.from_array(vectors), np.arange(40))


def survival(encoder: Encoder, asked: Asked, name: str, strength: float = 0.5) -> Survival:
    [line] = measure_robustness(encoder, "embedding", "l2", asked, strength=strength, corruptions=[name])
    return line


def test_without_damage_everything_survives(encoder: Encoder, asked: Asked) -> None:
    line = survival(encoder, asked, "crop", strength=0)
    assert (line.overlap.value, line.same_first.value, line.overlap.n) == (1, 1, 8)


def test_more_damage_leaves_less(encoder: Encoder, asked: Asked) -> None:
    mild, strong = (survival(encoder, asked, "scribble", strength).overlap.value for strength in (0.0, 1.0))
    assert mild is not None
    assert strong is not None
    assert strong < mild < 1


def test_a_picture_that_becomes_another_has_its_answers(
    encoder: Encoder, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted by hand: every query turned into picture 30 gets the answers of picture 30."""
    other = Image.open(BytesIO(photo(30))).convert("RGB")
    monkeypatch.setitem(CORRUPTIONS, "swap", Corruption("swap", "another picture", lambda _i, _s, _r: other))
    line = survival(encoder, asked, "swap")
    rows = asked.gallery.take(np.arange(40))

    def top(query: np.ndarray, own: int) -> list[int]:
        order = np.argsort(np.linalg.norm(rows - query, axis=1), kind="stable")
        return [int(row) for row in order if row != own][:10]

    shares = [len(set(top(rows[own], own)) & set(top(rows[30], own))) / 10 for own in range(8)]
    assert line.overlap.value == pytest.approx(np.mean(shares))


def test_only_the_box_is_damaged(encoder: Encoder, asked: Asked) -> None:
    boxed = Asked(
        [Picture(picture.key, picture.source, Box(5, 5, 30, 40)) for picture in asked.pictures],
        asked.query_ids,
        asked.gallery,
        asked.gallery_ids,
    )
    assert survival(encoder, boxed, "crop", strength=0).overlap.value == 1


def test_pictures_that_cannot_be_read_are_passed_over(encoder: Encoder, asked: Asked) -> None:
    broken = [Picture("0", b"no picture"), *asked.pictures[1:]]
    line = survival(encoder, Asked(broken, asked.query_ids, asked.gallery, asked.gallery_ids), "flip")
    assert line.overlap.n == 7


def test_the_same_seed_damages_in_the_same_way(encoder: Encoder, asked: Asked) -> None:
    assert survival(encoder, asked, "text") == survival(encoder, asked, "text")


def test_the_first_answer_is_counted_on_its_own(
    encoder: Encoder, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Query 0 alone becomes another picture: the others keep all ten answers, the first among them."""
    other = Image.open(BytesIO(photo(30))).convert("RGB")
    own = Image.open(BytesIO(photo(0))).convert("RGB").tobytes()
    monkeypatch.setitem(
        CORRUPTIONS, "swap", Corruption("swap", "one", lambda image, _s, _r: other if image.tobytes() == own else image)
    )
    line = survival(encoder, asked, "swap")
    assert (line.same_first.value, line.same_first.n) == (7 / 8, 8)


def test_a_gallery_of_few_is_answered_with_all_of_it(encoder: Encoder, asked: Asked) -> None:
    few = Asked(asked.pictures, asked.query_ids, asked.gallery.select(np.arange(3)), asked.gallery_ids[:3])
    line = survival(encoder, few, "scribble", strength=1.0)
    assert (line.overlap.value, line.overlap.n) == (1.0, 8)
    alone = Asked(asked.pictures[:1], asked.query_ids[:1], asked.gallery.select(np.arange(1)), asked.gallery_ids[:1])
    unknown = survival(encoder, alone, "flip")
    assert (unknown.overlap.value, unknown.same_first.value) == (None, None)


def test_each_picture_and_each_corruption_is_damaged_by_a_chance_of_its_own(encoder: Encoder, asked: Asked) -> None:
    drawn: list[float] = []
    told: list[str] = []

    def note(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
        drawn.append(float(rng.random()))
        assert strength == 0.5
        return image

    with pytest.MonkeyPatch.context() as patched:
        for name in ("one", "two"):
            patched.setitem(CORRUPTIONS, name, Corruption(name, "", note))
        for seed in (0, 0, 1):
            lines = measure_robustness(
                encoder, "embedding", "l2", asked, seed=seed, corruptions=["one", "two"], on_progress=told.append
            )
            assert [line.corruption for line in lines] == ["one", "two"]
    assert told == ["one", "two"] * 3
    first, again, anew = (sorted(drawn[start : start + 16]) for start in (0, 16, 32))
    assert first == again
    assert len({*first, *anew}) == 32


def nearest_by_loops(gallery: np.ndarray, gallery_ids: list[int], query: np.ndarray, own: int) -> list[int]:
    far = [float(np.linalg.norm(row.astype(float) - query)) for row in gallery]
    return [place for place in np.argsort(far, kind="stable").tolist() if gallery_ids[place] != own][:10]


@pytest.mark.parametrize("size", [1, 2, 5, 10, 11, 12, 40])
def test_what_survives_is_counted_as_loops_count_it(
    size: int, encoder: Encoder, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second query becomes another picture, and a gallery may hold less than ten answers, or none."""
    rng = np.random.default_rng(size)
    chosen = rng.permutation(40)[:size]
    queries = sorted({int(chosen[0]), *rng.permutation(40)[:11].tolist()})
    becomes = {number: (number + 17) % 40 if place % 2 else number for place, number in enumerate(queries)}
    number_of = {Image.open(BytesIO(photo(number))).convert("RGB").tobytes(): number for number in range(40)}

    def swap(image: Image.Image, _strength: float, _rng: np.random.Generator) -> Image.Image:
        return Image.open(BytesIO(photo(becomes[number_of[image.tobytes()]]))).convert("RGB")

    monkeypatch.setitem(CORRUPTIONS, "swap", Corruption("swap", "another picture", swap))
    rows = asked.gallery.take(np.arange(40))
    overlaps, firsts = [], []
    for number in queries:
        clean = nearest_by_loops(rows[chosen], chosen.tolist(), rows[number], number)
        damaged = nearest_by_loops(rows[chosen], chosen.tolist(), rows[becomes[number]], number)
        if clean:
            overlaps.append(len({*clean} & {*damaged}) / len(clean))
            firsts.append(clean[0] == damaged[0])
    part = Asked(
        [Picture(str(number), photo(number)) for number in queries],
        np.array(queries),
        asked.gallery.select(chosen),
        chosen,
    )
    line = survival(encoder, part, "swap")
    assert (line.overlap.n, line.same_first.n) == (len(overlaps), len(firsts))
    assert line.overlap.value == pytest.approx(np.mean(overlaps))
    assert line.same_first.value == pytest.approx(np.mean(firsts))
    assert len(overlaps) == len(queries) - (size == 1)


def test_half_the_strength_the_first_seed_and_every_corruption_are_what_nothing_said_means(
    encoder: Encoder, asked: Asked
) -> None:
    few = Asked(asked.pictures[:3], asked.query_ids[:3], asked.gallery, asked.gallery_ids)
    lines = measure_robustness(encoder, "embedding", "l2", few)
    assert [line.corruption for line in lines] == [*CORRUPTIONS]
    assert {line.strength for line in lines} == {0.5}
    said = measure_robustness(encoder, "embedding", "l2", few, strength=0.5, seed=0, corruptions=CORRUPTIONS)
    assert lines == said
    assert lines[0].to_json()["overlap"]["n"] == 3


def test_the_damage_done_to_a_picture_is_the_same_for_ever(
    encoder: Encoder, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Golden: whoever changes these makes reports of today and of last year differ by more than the encoder."""
    drawn: list[tuple[float, float]] = []

    def note(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
        drawn.append((strength, float(rng.random())))
        return image

    monkeypatch.setitem(CORRUPTIONS, "note", Corruption("note", "", note))
    two = Asked(asked.pictures[:2], asked.query_ids[:2], asked.gallery, asked.gallery_ids)
    measure_robustness(encoder, "embedding", "l2", two, corruptions=["note"])
    assert sorted(drawn) == [(0.5, 0.29461266851640333), (0.5, 0.3512206715297994)]


def test_pictures_whose_damage_fails_are_passed_over_too(
    encoder: Encoder, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Image.open(BytesIO(photo(2))).convert("RGB").tobytes()

    def fail_once(image: Image.Image, _strength: float, _rng: np.random.Generator) -> Image.Image:
        if image.tobytes() == own:
            raise ValueError("This picture cannot be damaged.")
        return image

    monkeypatch.setitem(CORRUPTIONS, "fail", Corruption("fail", "one fails", fail_once))
    line = survival(encoder, asked, "fail")
    assert (line.overlap.value, line.same_first.value) == (1.0, 1.0)
    assert (line.overlap.n, line.same_first.n) == (7, 7)


def test_where_no_picture_can_be_read_nothing_is_known(encoder: Encoder, asked: Asked) -> None:
    broken = [Picture(str(number), b"no picture") for number in range(8)]
    line = survival(encoder, Asked(broken, asked.query_ids, asked.gallery, asked.gallery_ids), "flip")
    assert (line.overlap.value, line.overlap.n, line.same_first.value, line.same_first.n) == (None, 0, None, 0)


def test_a_picture_may_be_a_file_bytes_or_a_call(encoder: Encoder, asked: Asked, tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(photo(number))
    files = [Picture(str(number), tmp_path / f"{number}.png") for number in range(8)]
    calls = [Picture(str(number), (tmp_path / f"{number}.png").read_bytes) for number in range(8)]
    told = [
        survival(encoder, Asked(pictures, asked.query_ids, asked.gallery, asked.gallery_ids), "scribble")
        for pictures in (asked.pictures, files, calls)
    ]
    assert told[0] == told[1] == told[2]
    assert told[0].overlap.n == 8


@pytest.mark.parametrize("box", [Box(5, 8, 30, 40), Box(-10, 20, 30, 90)])
def test_a_corruption_sees_what_of_the_box_lies_in_the_picture(
    box: Box, encoder: Encoder, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def note(image: Image.Image, _strength: float, _rng: np.random.Generator) -> Image.Image:
        seen.append(image.tobytes())
        return image

    monkeypatch.setitem(CORRUPTIONS, "note", Corruption("note", "", note))
    one = Asked([Picture("0", photo(0), box)], asked.query_ids[:1], asked.gallery, asked.gallery_ids)
    survival(encoder, one, "note")
    pixels = np.asarray(Image.open(BytesIO(photo(0))).convert("RGB"))
    assert seen == [pixels[max(0, box.y1) : box.y2, max(0, box.x1) : box.x2].tobytes()]
