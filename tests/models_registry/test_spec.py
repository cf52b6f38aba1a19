"""A spec survives the database, and its fingerprint moves exactly when vectors would."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from models_registry.spec import Box, EmptyBox, EncoderSpec, Preprocess, Tap

SPEC = EncoderSpec(
    family="onnx",
    version=1,
    source="onnx:/a/net.onnx",
    taps=(Tap("embedding", 512), Tap("logits", 10)),
    preprocess=Preprocess((160, 224), resize="letterbox", mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2), channels="bgr"),
    weights_sha256="ab" * 32,
    options={"seed": 3},
)


def test_a_spec_comes_back_from_json_as_it_was() -> None:
    for spec in (SPEC, replace(SPEC, preprocess=None, reads="keys", weights_sha256=None, options={})):
        back = EncoderSpec.from_json(json.loads(json.dumps(spec.to_json())))

        assert back == spec
        assert back.fingerprint == spec.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"family": "other"},
        {"version": 2},
        {"weights_sha256": "cd" * 32},
        {"options": {"seed": 4}},
        {"preprocess": Preprocess((160, 224))},
        {"preprocess": None},
    ],
)
def test_the_fingerprint_moves_with_everything_that_changes_vectors(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).fingerprint != SPEC.fingerprint


@pytest.mark.parametrize("change", [{"source": "onnx:/b/copy.onnx"}, {"taps": (Tap("embedding", 512),)}])
def test_the_fingerprint_stays_with_what_changes_no_vector(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).fingerprint == SPEC.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"size": (161, 160)},
        {"resize": "squash"},
        {"interpolation": "bicubic"},
        {"mean": (0.5, 0.4, 0.31)},
        {"std": (0.2, 0.2, 0.21)},
        {"channels": "rgb"},
    ],
)
def test_the_digest_of_preprocessing_covers_every_rule(change: dict[str, Any]) -> None:
    rules = Preprocess((160, 160), resize="letterbox", mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2), channels="bgr")

    assert replace(rules, **change).digest() != rules.digest()


def test_the_digest_is_the_same_on_every_machine() -> None:
    assert Preprocess((224, 224)).digest() == "2e5dd0938cca0fbe51b0f80131340beb01b25a1f244002aa7253dcacb62ddf87"


@pytest.mark.parametrize(
    "rules",
    [
        {"resize": "stretch"},
        {"interpolation": "cubic"},
        {"channels": "grb"},
        {"std": (0.0, 1.0, 1.0)},
        {"size": (0, 5)},
        {"mean": (1.0, 2.0)},
    ],
)
def test_it_refuses_rules_that_cannot_be(rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|take"):
        Preprocess(**{"size": (8, 8), **rules})


def test_an_unknown_tap_is_answered_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="embedding, logits"):
        SPEC.tap_named("fc6")


def test_only_what_reads_pictures_has_rules_for_them() -> None:
    assert SPEC.rules.size == (160, 224)
    with pytest.raises(ValueError, match="reads no pictures"):
        _ = replace(SPEC, preprocess=None).rules


def test_a_box_is_cut_to_the_picture() -> None:
    assert Box(-5, 2, 50, 60).clamp_to(40, 30) == Box(0, 2, 40, 30)


def test_a_box_without_a_pixel_is_refused() -> None:
    with pytest.raises(EmptyBox, match="empty"):
        Box(5, 5, 5, 9)
    with pytest.raises(EmptyBox, match="40 x 30"):
        Box(40, 0, 50, 10).clamp_to(40, 30)
