"""Precision, mirror images and length 1: what a network may be registered with, and what that changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.encoder_choices import largest_move
from models_registry.encoders.forward_passes import Passes
from models_registry.errors import BadOption
from models_registry.registry import describe, load
from models_registry.spec import EncoderSpec
from tests.models_registry.encoders.onnx_files import write_network

BATCH = np.random.default_rng(0).random((5, 3, 64, 64), dtype=np.float32)


def encoder(source: str, **options: str) -> Encoder:
    found = load(describe(source, options=options), device="cpu")
    assert isinstance(found, Encoder)
    return found


def test_flip_gives_a_picture_and_its_mirror_image_the_same_vector() -> None:
    plain, both = encoder("tiny-vgg"), encoder("tiny-vgg", flip="yes")
    mirrored = np.ascontiguousarray(BATCH[..., ::-1])
    found = both.encode(BATCH, ["fc6"])["fc6"]

    np.testing.assert_allclose(found, both.encode(mirrored, ["fc6"])["fc6"], rtol=1e-5, atol=1e-6)
    mean = (plain.encode(BATCH, ["fc6"])["fc6"] + plain.encode(mirrored, ["fc6"])["fc6"]) / 2
    np.testing.assert_allclose(found, mean, rtol=1e-5, atol=1e-6)
    assert largest_move(found, plain.encode(BATCH, ["fc6"])["fc6"]) > 1e-3


def test_post_l2_brings_vectors_to_length_1_behind_everything_else() -> None:
    plain, unit = encoder("tiny-vgg", flip="yes"), encoder("tiny-vgg", flip="yes", post="l2")
    rows = plain.encode(BATCH, ["fc7"])["fc7"]
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(unit.encode(BATCH, ["fc7"])["fc7"], expected, rtol=1e-5)


def test_choices_are_part_of_the_fingerprint_and_defaults_are_not_written_down() -> None:
    plain = describe("tiny-vgg")
    same = describe("tiny-vgg", options={"precision": "float32", "flip": "no", "post": ""})
    assert (same.fingerprint, same.options) == (plain.fingerprint, plain.options)
    others = [
        describe("tiny-vgg", options=options)
        for options in ({"flip": "yes"}, {"post": "l2"}, {"precision": "bfloat16"}, {"flip": "yes", "post": "l2"})
    ]
    assert len({spec.fingerprint for spec in [plain, *others]}) == 5
    again = EncoderSpec.from_json(others[0].to_json())
    assert again.fingerprint == others[0].fingerprint
    assert again.options["flip"] == "yes"


def test_half_precision_is_decided_when_a_model_is_registered_and_the_same_on_every_worker() -> None:
    half, whole = encoder("tiny-vgg", precision="bfloat16"), encoder("tiny-vgg")
    rough, exact = half.encode(BATCH, ["fc6"])["fc6"], whole.encode(BATCH, ["fc6"])["fc6"]
    assert 0 < largest_move(rough, exact) <= 0.01
    # Not the first pictures decide: those that come later are computed in the same way.
    np.testing.assert_array_equal(half.encode(BATCH, ["fc6"])["fc6"], rough)


def test_a_network_that_suffers_in_half_precision_is_refused_it(monkeypatch: pytest.MonkeyPatch) -> None:
    through = Passes._forward_pass

    def rough(self: Passes, batch: np.ndarray, taps: list[str]) -> dict[str, np.ndarray]:
        return {tap: rows * (1.02 if self._half else 1) for tap, rows in through(self, batch, taps).items()}

    monkeypatch.setattr(Passes, "_forward_pass", rough)
    with pytest.raises(BadOption, match=r"moves the vectors of tiny-vgg at fc6 by [123]\.\d%"):
        describe("tiny-vgg", options={"precision": "bfloat16"})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"precision": "float8"}, "precision is float32 or bfloat16, not float8"),
        ({"flip": "maybe"}, "flip is yes or no"),
        ({"post": "centre,whiten=64,l2"}, "--recipe post --base NAME --set post=centre,whiten=64,l2"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_in_words(options: dict[str, str], complaint: str) -> None:
    with pytest.raises(BadOption, match=complaint):
        describe("tiny-vgg", options=options)


def test_an_onnx_network_keeps_its_precision_and_may_be_flipped(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    with pytest.raises(BadOption, match="the precision that its file has"):
        describe(f"onnx:{tmp_path / 'net.onnx'}", options={"precision": "bfloat16"})
    spec = describe(f"onnx:{tmp_path / 'net.onnx'}", options={"flip": "yes", "post": "l2"})
    assert dict(spec.options) == {"flip": "yes", "post": "l2"}


def test_a_moved_vector_is_told_by_its_share() -> None:
    zeros = np.zeros((2, 3), dtype=np.float32)
    assert largest_move(zeros, zeros) == 0
    assert largest_move(zeros + 1, zeros) == np.inf
    assert largest_move(zeros + 1.5, zeros + 1) == pytest.approx(0.5)


def test_a_device_is_not_what_decides() -> None:
    """On a GPU the precision was once found out by whatever pictures came first."""
    network = lambda pictures, taps: dict.fromkeys(taps, pictures.flatten(1))  # noqa: E731
    assert not Passes(network, torch.device("cuda"))._half
