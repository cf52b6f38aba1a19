"""What survives damage: all of it where nothing happens, little where everything does."""

from __future__ import annotations

from io import BytesIO

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
