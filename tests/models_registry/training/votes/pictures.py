"""Small pictures that a small network reads, judged by people who go by whether colours are warm."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models_registry.embed import Picture
from models_registry.encoders.encoder_base import Encoder
from models_registry.preprocess import prepare_picture
from models_registry.registry import describe, load, with_every_tap
from models_registry.store import Vectors
from models_registry.training.votes.vote_data import Ballots, Rival, Span, VoteData

ITEMS, VOTES, VOTERS = 80, 1600, 20


@cache
def judged_pictures(tap: str = "pool5") -> VoteData:
    """Striped pictures with the vectors of `tiny-vgg` at a tap; nine in ten votes like two warm or two cold ones."""
    rng = np.random.default_rng(2)
    colours = rng.integers(256, size=(ITEMS, 2, 3))
    warm = colours[:, :, 0].sum(axis=1) > colours[:, :, 2].sum(axis=1)
    files = [_stripes(rng, pair) for pair in colours]
    query, candidate = rng.integers(ITEMS, size=(2, VOTES))
    other = query != candidate
    query, candidate = query[other], candidate[other]
    like = (warm[query] == warm[candidate]) != (rng.random(len(query)) < 0.1)
    ballots = Ballots(query, candidate, rng.integers(VOTERS, size=len(query)), like, np.ones(len(query)))
    spec = describe("tiny-vgg")
    encoder = load(with_every_tap(spec))
    assert isinstance(encoder, Encoder)
    batch = np.stack([prepare_picture(Image.open(io.BytesIO(file)), None, spec.rules) for file in files])
    vectors = encoder.encode(batch, [tap])[tap]
    return VoteData(
        name="stripes",
        keys=[f"item-{row:03d}" for row in range(ITEMS)],
        sha256s=[f"{row:064x}" for row in range(ITEMS)],
        categories=[None] * ITEMS,
        products=[None] * ITEMS,
        pictures=[Picture(f"item-{row:03d}", file) for row, file in enumerate(files)],
        base=spec,
        base_tap=tap,
        base_weights=None,
        vectors=Vectors.from_array(vectors),
        spans=[Span("tiny", 0, vectors.shape[1])],
        ballots=ballots,
        voters=[f"voter-{number}" for number in range(VOTERS)],
        salt="stripes",
        rivals=[Rival(f"tiny.{tap}:cosine", "cosine", Vectors.from_array(vectors), True)],
    )


def _stripes(rng: np.random.Generator, colours: NDArray[np.int64]) -> bytes:
    line = np.mgrid[:64, :64][int(rng.integers(2))] + int(rng.integers(24))
    pixels = colours[(line // int(rng.integers(4, 10))) % 2] + rng.normal(0, 20, (64, 64, 3))
    stored = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stored, "PNG")
    return stored.getvalue()
