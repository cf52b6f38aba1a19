"""Forward passes of a torch network on one device: how pictures get there, in which precision, how many at once.

On a GPU the passes take turns and pictures are copied from page-locked memory. Half precision is used there as long as
it costs nothing: the first pictures go through both ways, and where a vector moves by more than TOLERANCE of its length
the network stays at float32 for good. When a batch does not fit into the memory of the device, half of it is tried, and
what was found out is kept.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from models_registry.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.encoders.base import Vectors

logger = logging.getLogger(__name__)

TOLERANCE = 0.01
"""A vector in half precision may differ from that in float32 by this share of its length."""
DEVICE_PASS_SIZE = 256
"""Pictures sent to a GPU at once, until one has no memory for so many."""


class Network(Protocol):
    """What turns pictures [n, 3, height, width] into vectors [n, dim] by tap."""

    def __call__(self, pictures: Tensor, taps: Sequence[str]) -> Mapping[str, Tensor]: ...


class Passes:
    """The passes of one network. Safe to call from several threads."""

    def __init__(self, network: Network, device: torch.device, *, half: bool | None = None) -> None:
        self._network = network
        self._device = device
        self._turn = threading.Lock()
        self._half = device.type == "cuda" if half is None else half
        self._half_is_checked = False
        self.most: int | None = None
        """Pictures that fit at once, where a larger batch did not."""

    def run(self, batch: NDArray[np.float32], taps: Sequence[str]) -> Vectors:
        """The vectors of a batch, float32 [n, dim] by tap; raises EncoderError where not even one picture fits."""
        if self._device.type == "cpu" and not self._half:
            return self._through(batch, taps)
        with self._turn:
            return self._in_pieces(batch, taps)

    def _in_pieces(self, batch: NDArray[np.float32], taps: Sequence[str]) -> Vectors:
        found: list[Vectors] = []
        start = 0
        while start < len(batch):
            piece = batch[start : start + (self.most or len(batch))]
            try:
                found.append(self._checked(piece, taps))
            except torch.OutOfMemoryError as error:
                self._take_less(len(piece), error)
                continue
            start += len(piece)
        return {tap: np.concatenate([one[tap] for one in found]) for tap in taps}

    def _take_less(self, tried: int, error: Exception) -> None:
        if tried == 1:
            raise EncoderError(f"{self._device} has no memory for a single picture; use a smaller network.") from error
        self.most = tried // 2
        logger.warning("%s has no memory for %d pictures at once; going on with %d.", self._device, tried, self.most)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _checked(self, piece: NDArray[np.float32], taps: Sequence[str]) -> Vectors:
        if not self._half:
            return self._through(piece, taps)
        vectors = self._through(piece, taps, half=True)
        if not self._half_is_checked:
            exact = self._through(piece, taps)
            self._half = all(moved(vectors[tap], exact[tap]) <= TOLERANCE for tap in taps)
            self._half_is_checked = True
            if not self._half:
                logger.warning("Half precision moves the vectors too far; going on with float32.")
                return exact
        return vectors

    def _through(self, batch: NDArray[np.float32], taps: Sequence[str], *, half: bool = False) -> Vectors:
        with torch.inference_mode(), torch.autocast(self._device.type, self._half_type(), enabled=half):
            # Colours last, as convolutions like it best: on two cores of an EPYC up to twice as fast.
            pictures = torch.from_numpy(np.ascontiguousarray(batch)).contiguous(memory_format=torch.channels_last)
            if self._device.type == "cuda":
                pictures = pictures.pin_memory().to(self._device, non_blocking=True)
            found = self._network(pictures, taps)
            return {tap: found[tap].float().cpu().numpy() for tap in taps}

    def _half_type(self) -> torch.dtype:
        """bfloat16 where the device has it: it holds all that float32 holds; float16 overflows."""
        if self._device.type == "cuda" and not torch.cuda.is_bf16_supported():
            return torch.float16
        return torch.bfloat16


def moved(vectors: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    """The largest distance between vectors [n, dim] and the exact ones, as a share of their length."""
    lengths = np.linalg.norm(exact, axis=1)
    distances = np.linalg.norm(vectors - exact, axis=1)
    shares = np.divide(distances, lengths, out=np.where(distances > 0, np.inf, 0.0), where=lengths > 0)
    return float(shares.max(initial=0.0))
