"""Memory that runs out, and half precision: the logic of a GPU's passes, on torch's processor device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from models_registry.encoders.passes import Passes, moved
from models_registry.errors import EncoderError

CPU = torch.device("cpu")
BATCH = np.random.default_rng(0).random((13, 3, 4, 4), dtype=np.float32)


class Small:
    """A device that has memory for so many pictures; the vector of a picture is its colours' sums."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.passes: list[int] = []

    def __call__(self, pictures: torch.Tensor, taps: Sequence[str]) -> dict[str, torch.Tensor]:
        self.passes.append(len(pictures))
        if len(pictures) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return dict.fromkeys(taps, pictures.sum((2, 3)))


class Rough:
    """A network whose matrix product suffers from half precision where `scale` lets large numbers cancel."""

    def __init__(self, offset: float) -> None:
        self.weights = torch.eye(48) + offset

    def __call__(self, pictures: torch.Tensor, taps: Sequence[str]) -> dict[str, torch.Tensor]:
        flat = pictures.flatten(1)
        return dict.fromkeys(taps, flat @ self.weights - self.weights[0, 1] * flat.sum(1, keepdim=True))


def test_a_batch_that_does_not_fit_is_halved_and_what_was_found_out_is_kept() -> None:
    network = Small(room=4)
    passes = Passes(network, CPU, half=True)

    vectors = passes.run(BATCH, ["sum"])["sum"]

    np.testing.assert_allclose(vectors, BATCH.sum((2, 3)), rtol=1e-6)
    assert passes.most == 3
    assert network.passes[:3] == [13, 6, 3]
    begun = len(network.passes)
    passes.run(BATCH, ["sum"])
    assert network.passes[begun:] == [3, 3, 3, 3, 1]


def test_where_not_even_one_picture_fits_it_says_so() -> None:
    passes = Passes(Small(room=0), CPU, half=True)
    with pytest.raises(EncoderError, match="no memory for a single picture"):
        passes.run(BATCH[:4], ["sum"])


def test_half_precision_is_used_where_vectors_stay_where_they_are() -> None:
    passes = Passes(Rough(offset=0.0), CPU, half=True)
    vectors = passes.run(BATCH, ["out"])["out"]
    exact = Passes(Rough(offset=0.0), CPU).run(BATCH, ["out"])["out"]
    assert vectors.dtype == np.float32
    assert 0 < moved(vectors, exact) < 0.01


def test_a_network_that_suffers_stays_at_float32(caplog: pytest.LogCaptureFixture) -> None:
    passes = Passes(Rough(offset=50.0), CPU, half=True)
    exact = Passes(Rough(offset=50.0), CPU).run(BATCH, ["out"])["out"]
    for _ in range(2):
        np.testing.assert_array_equal(passes.run(BATCH, ["out"])["out"], exact)
    assert caplog.text.count("going on with float32") == 1


def test_a_vector_of_zeros_that_moves_has_moved_without_bounds() -> None:
    zeros = np.zeros((2, 3), dtype=np.float32)
    assert moved(zeros, zeros) == 0
    assert moved(zeros + 1, zeros) == np.inf
