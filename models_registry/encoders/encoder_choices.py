"""Choices that any network which reads pictures may be registered with, whatever its family.

    precision   `float32`, or `bfloat16` for networks of torch: decided once, when the model is registered, and the same
                on every worker, since vectors of two precisions do not belong into one folder
    flip        `yes`: the mean of the vectors of a picture and of its mirror image
    post        `l2`: every vector at length 1; what must be learnt from pictures first is the recipe `post`

They are kept among the options of the spec, and so are part of the fingerprint; what is left at its default is not
written down, so that it changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from models_registry.errors import BadOption
from models_registry.preprocess import normalise_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models_registry.encoders.encoder_base import Encoder, Family
    from models_registry.spec import EncoderSpec

PRECISION, FLIP, POST = "precision", "flip", "post"
CHOICES = (PRECISION, FLIP, POST)
SHALLOW = "shallow"
"""No choice but what training adds: so many numbers of shallow paths stand behind every vector of the network."""
PRECISIONS = ("float32", "bfloat16")
TOLERANCE = 0.01
"""A vector in half precision may differ from that in float32 by this share of its length."""


def part_choices(options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The choices that are not at their default, and the options that are the family's own; raises BadOption."""
    given_choices = {name: str(value).strip() for name, value in options.items() if name in CHOICES}
    family_options = {name: value for name, value in options.items() if name not in CHOICES}
    precision, flip, post = (
        given_choices.get(PRECISION, "float32"),
        given_choices.get(FLIP, "no"),
        given_choices.get(POST, ""),
    )
    if precision not in PRECISIONS:
        raise BadOption(f"precision is {' or '.join(PRECISIONS)}, not {precision}.")
    if flip not in {"yes", "no"}:
        raise BadOption(f"flip is yes or no, not {flip}.")
    if post not in {"", "l2"}:
        raise BadOption(
            f"post {post} has to be learnt from pictures: register the network without it, then "
            f"train CATALOGUE --recipe post --base NAME --set post={post}. Only l2 needs none."
        )
    chosen: dict[str, str] = {}
    if precision != "float32":
        chosen[PRECISION] = precision
    if flip == "yes":
        chosen[FLIP] = flip
    if post:
        chosen[POST] = post
    return chosen, family_options


def with_choices(spec: EncoderSpec, chosen: Mapping[str, str], family: Family) -> EncoderSpec:
    """The spec with these choices, once it was seen that its network can do them; raises BadOption."""
    if not chosen:
        return spec
    from models_registry.encoders.encoder_base import Encoder

    names = ", ".join(chosen)
    if spec.family in {"checkpoint", "joint"} or spec.reads != "pictures":
        raise BadOption(f"{spec.source} has no option {names}: register the network that it is made of with it.")
    plain_encoder = family.load(spec, None, "cpu")
    if not isinstance(plain_encoder, Encoder) or not plain_encoder.prepares_by_rules:
        raise BadOption(f"{spec.source} has no option {names}.")
    made = replace(spec, options={**spec.options, **chosen})
    if PRECISION in chosen:
        _check_precision(spec, made, plain_encoder, family)
    return made


def without_choices(spec: EncoderSpec) -> EncoderSpec:
    """The spec of the network by itself: what is trained further sees each picture as it is."""
    return replace(spec, options={name: value for name, value in spec.options.items() if name not in CHOICES})


def largest_move(vectors: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    """The largest distance between vectors [n, dim] and the exact ones, as a share of their length."""
    lengths = np.linalg.norm(exact, axis=1)
    distances = np.linalg.norm(vectors - exact, axis=1)
    shares = np.divide(distances, lengths, out=np.where(distances > 0, np.inf, 0.0), where=lengths > 0)
    return float(shares.max(initial=0.0))


def _check_precision(spec: EncoderSpec, made: EncoderSpec, plain: Encoder, family: Family) -> None:
    """Raise BadOption where half precision is not to be had, or moves a vector by more than TOLERANCE."""
    from models_registry.encoders.torch_encoder import TorchEncoder

    if not isinstance(plain, TorchEncoder):
        raise BadOption(f"{spec.source} computes in the precision that its file has; leave precision at float32.")
    half_encoder = family.load(made, None, "cpu")
    assert isinstance(half_encoder, TorchEncoder)  # noqa: S101 - the same family and file as before
    taps = [tap.name for tap in spec.taps]
    pixels = np.random.default_rng(0).integers(0, 256, (8, *plain.input_shape), dtype=np.uint8)
    batch = normalise_pixels(pixels, spec.rules)
    exact_vectors, half_vectors = plain.encode(batch, taps), half_encoder.encode(batch, taps)
    for tap in taps:
        share = largest_move(half_vectors[tap], exact_vectors[tap])
        if share > TOLERANCE:
            raise BadOption(
                f"{made.options[PRECISION]} moves the vectors of {spec.source} at {tap} by {share:.1%} of their "
                f"length, and {TOLERANCE:.0%} is the most: leave precision at float32."
            )
