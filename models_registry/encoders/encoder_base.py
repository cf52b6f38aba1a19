"""What every encoder offers, and the checks that none may skip."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from models_registry.encoders.encoder_choices import FLIP, POST
from models_registry.errors import BadOption, EncoderError, NonFiniteVectors
from models_registry.preprocess import prepare_into

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from models_registry.spec import Box, EncoderSpec

Vectors = dict[str, "NDArray[np.float32]"]


class Encoder(ABC):
    """Turns prepared pictures into vectors. Safe to call from several threads at once.

    `pass_size` is the number of pictures that go through one forward pass fastest. An encoder `on_device` computes on
    a GPU, one pass after another: who feeds it should have the next pictures ready.
    """

    pass_size = 8
    on_device = False
    takes_pixels = False
    """Whether `encode` takes 8-bit pixels as well, and normalises them itself."""

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec = spec
        self.threads = 0  # the library decides

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one prepared picture, (3, height, width) unless the encoder says otherwise."""
        return (3, *self.spec.rules.size)

    def prepare(self, out: NDArray[np.float32], image: Image.Image, box: Box | None) -> None:
        """Write one RGB picture, cropped and made ready, into a row of a batch; raises EmptyBox."""
        prepare_into(out, image, box, self.spec.rules)

    @property
    def prepares_by_rules(self) -> bool:
        """Whether preparing follows the spec's rules alone, so that another process can do it."""
        return type(self).prepare is Encoder.prepare

    def encode(self, batch: NDArray[Any], taps: Sequence[str]) -> Vectors:
        """The vectors of a batch [n, *input_shape] at every tap asked for, float32 [n, dim], from one pass.

        The batch is float32, prepared; an encoder that `takes_pixels` also reads uint8 as `pixels_into` writes them.

        Raises EncoderError for an unknown tap or a batch of another shape, NonFiniteVectors where the
        network gives values that are not numbers.
        """
        self._check_taps(taps)
        self._check_shape(batch)
        vectors = self._forward_batch(batch, taps)
        if self.spec.options.get(FLIP):
            mirrored = self._forward_batch(np.ascontiguousarray(batch[..., ::-1]), taps)
            vectors = {tap: (rows + mirrored[tap]) / np.float32(2) for tap, rows in vectors.items()}
        if self.spec.options.get(POST) == "l2":
            vectors = {tap: _at_length_one(rows) for tap, rows in vectors.items()}
        for tap, rows in vectors.items():
            if rows.shape != (len(batch), self.spec.tap_named(tap).dim):
                raise EncoderError(f"{self.spec.source} gave {rows.shape} at {tap}; a row per picture was expected.")
            check_finite(self.spec.source, tap, rows)
        return vectors

    def set_threads(self, threads: int) -> None:
        """Use this many cores per call to `encode` from now on, where the encoder can use more than one."""
        self.threads = threads

    @abstractmethod
    def _forward_batch(self, batch: NDArray[Any], taps: Sequence[str]) -> Vectors: ...

    def _check_taps(self, taps: Sequence[str]) -> None:
        names = [tap.name for tap in self.spec.taps]
        for tap in taps:
            if tap not in names:
                raise EncoderError(f"{self.spec.source} has no tap {tap}; it has {', '.join(names)}.")

    def _check_shape(self, batch: NDArray[Any]) -> None:
        expected = self.input_shape
        if batch.shape[1:] != expected:
            raise EncoderError(f"{self.spec.source} reads pictures of shape {expected}, not {batch.shape[1:]}.")


class VectorLookup(ABC):
    """Ready vectors, found by key."""

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec = spec

    @abstractmethod
    def find_vectors(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
        """The vectors [found, dim] of the keys that are there, in the order asked, and the keys that are not."""


class Family(Protocol):
    """A kind of encoder. One instance per family, named in the registry.

    `version` rises when a change of the family's code changes its vectors.
    """

    version: int

    def files(self, argument: str) -> tuple[Path, ...]:
        """The files that a source of this family is made of, main one first; raises where they are missing."""
        ...

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        """The record of the encoder that a source and its options mean."""
        ...

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder | VectorLookup:
        """The encoder itself, from the files at `weights` or, where None, from where the source points."""
        ...


def _at_length_one(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)


def no_argument(source: str, argument: str) -> None:
    """Refuse `tiny-vgg:something` for a family that takes nothing after its name."""
    if argument:
        raise BadOption(f"{source}: nothing may follow {source.partition(':')[0]}.")


def check_trial(source: str, tap: str, rows: NDArray[np.float32]) -> None:
    """Raise EncoderError unless the vectors [2, dim] of two unlike pictures are numbers, and are not the same."""
    check_finite(source, tap, rows)
    if np.array_equal(rows[0], rows[1]):
        raise EncoderError(
            f"{source} gives unlike pictures the same vector at {tap}: nothing could be found by it. "
            "Look whether its weights are loaded, or choose another output with tap."
        )


def check_finite(source: str, tap: str, rows: NDArray[np.float32]) -> None:
    """Raise NonFiniteVectors, saying where, unless every value of the vectors [n, dim] is a number."""
    bad = int(np.count_nonzero(~np.isfinite(rows).all(axis=1)))
    if bad:
        raise NonFiniteVectors(
            f"{source} gave NaN or infinity at {tap} for {bad} of {len(rows)} pictures; "
            "its weights or its mean and std are off, and such vectors cannot be compared."
        )
