"""Memory that runs out, and the precision of a model: the logic of a GPU's passes, on torch's processor device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from models_registry.encoders.forward_passes import Passes
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


def test_a_batch_that_does_not_fit_is_halved_and_what_was_found_out_is_kept() -> None:
    network = Small(room=4)
    passes = Passes(network, CPU, turns=True)

    vectors = passes.run(BATCH, ["sum"])["sum"]

    np.testing.assert_allclose(vectors, BATCH.sum((2, 3)), rtol=1e-6)
    assert passes.most == 3
    assert network.passes[:3] == [13, 6, 3]
    begun = len(network.passes)
    passes.run(BATCH, ["sum"])
    assert network.passes[begun:] == [3, 3, 3, 3, 1]


def test_where_not_even_one_picture_fits_it_says_so() -> None:
    passes = Passes(Small(room=0), CPU, turns=True)
    with pytest.raises(EncoderError, match="no memory for a single picture"):
        passes.run(BATCH[:4], ["sum"])


def test_a_network_is_computed_in_the_precision_it_was_registered_with_whatever_comes_first() -> None:
    def network(pictures: torch.Tensor, taps: Sequence[str]) -> dict[str, torch.Tensor]:
        return dict.fromkeys(taps, pictures.flatten(1) @ torch.linspace(-1, 1, 48)[:, None])

    exact = Passes(network, CPU, turns=True).run(BATCH, ["out"])["out"]
    half = Passes(network, CPU, precision="bfloat16").run(BATCH, ["out"])["out"]

    np.testing.assert_array_equal(Passes(network, CPU).run(BATCH, ["out"])["out"], exact)
    np.testing.assert_allclose(exact, BATCH.reshape(13, -1) @ np.linspace(-1, 1, 48, dtype=np.float32)[:, None], 1e-4)
    assert half.dtype == np.float32
    assert not np.array_equal(half, exact)
