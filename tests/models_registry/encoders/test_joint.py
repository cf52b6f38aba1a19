"""Several encoders side by side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models_registry.embed import Picture, embed
from models_registry.encoders.checkpoint import HeadSpec, HeadTap, write_checkpoint
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.joint_encoder import Part, side_by_side, write_joint
from models_registry.errors import EncoderError
from models_registry.registry import describe, load
from tests.catalog.drawing import picture

COLOURS = describe("colour-histogram")
NETWORK = describe("tiny-vgg")
PARTS = (Part(NETWORK, "fc7", 0, NETWORK.tap_named("fc7").dim), Part(COLOURS, "embedding", 0, 192))


def _pictures(number: int = 5) -> list[Picture]:
    colours = np.random.default_rng(3).integers(20, 235, (number, 3)).tolist()
    return [Picture(str(seed), picture(tuple(colour), size=(40, 30 + seed))) for seed, colour in enumerate(colours)]


def _vectors(encoder: object, pictures: list[Picture], tap: str) -> np.ndarray:
    assert isinstance(encoder, Encoder)
    return np.concatenate([batch.vectors[tap] for batch in embed(encoder, pictures, taps=[tap])])


def test_its_vectors_are_those_of_its_parts_each_at_length_one(tmp_path: Path) -> None:
    write_joint(tmp_path / "both.json", PARTS)
    spec = describe(f"joint:{tmp_path / 'both.json'}")
    pictures = _pictures()
    found = _vectors(load(spec), pictures, "embedding")

    network = _vectors(load(NETWORK), pictures, "fc7")
    colours = _vectors(load(COLOURS), pictures, "embedding")[:, :192]
    expected = [row / np.linalg.norm(row, axis=1, keepdims=True) for row in (network, colours)]
    assert spec.taps[0].dim == network.shape[1] + 192
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=1e-6)


def test_a_head_learnt_over_a_joint_runs_on_pictures(tmp_path: Path) -> None:
    write_joint(tmp_path / "both.json", PARTS)
    base = describe(f"joint:{tmp_path / 'both.json'}")
    dim = base.taps[0].dim
    weight = np.random.default_rng(1).normal(size=(8, dim)).astype(np.float32)
    write_checkpoint(
        tmp_path / "learnt",
        base=base,
        base_tap="embedding",
        head=HeadSpec(("linear", "normalise"), (HeadTap("embedding", 8, 2),)),
        tensors={"0.weight": weight, "0.bias": np.zeros(8, dtype=np.float32)},
    )
    (tmp_path / "learnt" / "base.json").write_bytes((tmp_path / "both.json").read_bytes())
    pictures = _pictures()
    learnt = load(describe(f"checkpoint:{tmp_path / 'learnt'}"), weights=tmp_path / "learnt" / "spec.json")
    mapped = _vectors(load(base), pictures, "embedding") @ weight.T
    np.testing.assert_allclose(
        _vectors(learnt, pictures, "embedding"), mapped / np.linalg.norm(mapped, axis=1, keepdims=True), atol=1e-5
    )


def test_a_picture_that_shows_nothing_to_a_part_stays_zero_there() -> None:
    joined = side_by_side([np.zeros((1, 3), np.float32), np.array([[3.0, 4.0]], np.float32)])
    np.testing.assert_allclose(joined, [[0, 0, 0, 0.6, 0.8]])


def test_equal_parts_are_equal_encoders_wherever_their_file_lies(tmp_path: Path) -> None:
    for name in ("one/a.json", "two/b.json"):
        write_joint(tmp_path / name, PARTS)
    one, two = (describe(f"joint:{tmp_path / name}") for name in ("one/a.json", "two/b.json"))
    assert one.fingerprint == two.fingerprint


def test_a_file_that_is_no_joint_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("[]")
    (tmp_path / "new.json").write_text(json.dumps({"format": 9, "parts": []}))
    with pytest.raises(EncoderError, match="does not name encoders"):
        describe(f"joint:{tmp_path / 'odd.json'}")
    with pytest.raises(EncoderError, match="format 9"):
        describe(f"joint:{tmp_path / 'new.json'}")
    with pytest.raises(EncoderError, match="There is no file"):
        describe("joint:")
    with pytest.raises(EncoderError, match="at least one encoder"):
        write_joint(tmp_path / "empty.json", [])


def test_one_with_ready_vectors_answers_for_items_and_not_for_pictures(tmp_path: Path) -> None:
    np.savez(tmp_path / "ours.npz", keys=np.array(["a"]), vectors=np.ones((1, 4), dtype=np.float32))
    ours = describe(f"vectors:{tmp_path / 'ours.npz'}")
    write_joint(tmp_path / "both.json", [Part(ours, "embedding", 0, 4), *PARTS])
    spec = describe(f"joint:{tmp_path / 'both.json'}")
    assert (spec.reads, spec.taps[0].dim) == ("both", 4 + describe(f"joint:{_both(tmp_path)}").taps[0].dim)
    with pytest.raises(EncoderError, match="answers for items that have them, not for pictures"):
        load(spec)


def _both(folder: Path) -> Path:
    write_joint(folder / "pictures.json", PARTS)
    return folder / "pictures.json"
