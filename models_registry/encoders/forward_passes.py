"""Forward passes of a torch network on one device: how pictures get there, in which precision, how many at once.

On a GPU the passes take turns and pictures are copied from page-locked memory. The precision is the model's, not the
device's: vectors of two precisions in one folder would be a coin toss per worker. When a batch does not fit into the
memory of the device, half of it is tried, and what was found out is kept.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from models_registry.errors import EncoderError
from models_registry.preprocess import factor_and_offset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.encoders.encoder_base import Vectors
    from models_registry.spec import Preprocess

logger = logging.getLogger(__name__)

DEVICE_PASS_SIZE = 256
"""Pictures sent to a GPU at once, until one has no memory for so many."""


class Network(Protocol):
    """What turns pictures [n, 3, height, width] into vectors [n, dim] by tap."""

    def __call__(self, pictures: Tensor, taps: Sequence[str]) -> Mapping[str, Tensor]: ...


class Passes:
    """The passes of one network, one after the other where they take `turns`. Safe to call from several threads."""

    def __init__(
        self,
        network: Network,
        device: torch.device,
        rules: Preprocess | None = None,
        *,
        precision: str = "float32",
        turns: bool | None = None,
    ) -> None:
        self._network = network
        parts = () if rules is None else factor_and_offset(rules)
        self._normalisation = [torch.from_numpy(part).to(device) for part in parts]
        self._device = device
        self._turn = threading.Lock()
        self._turns = device.type != "cpu" if turns is None else turns
        self._half = precision != "float32"
        self.most: int | None = None
        """Pictures that fit at once, where a larger batch did not."""

    def run(self, batch: NDArray[Any], taps: Sequence[str]) -> Vectors:
        """The vectors of a batch, float32 [n, dim] by tap; raises EncoderError where not even one picture fits.

        Pixels (uint8) are copied as they are, a quarter of what they become, and normalised on the device.
        """
        if not self._turns:
            return self._forward_pass(batch, taps)
        with self._turn:
            return self._in_pieces(batch, taps)

    def _in_pieces(self, batch: NDArray[Any], taps: Sequence[str]) -> Vectors:
        vectors_of_pieces: list[Vectors] = []
        start = 0
        while start < len(batch):
            piece = batch[start : start + (self.most or len(batch))]
            try:
                vectors_of_pieces.append(self._forward_pass(piece, taps))
            except torch.OutOfMemoryError as error:
                if len(piece) == 1:
                    raise EncoderError(
                        f"{self._device} has no memory for a single picture; use a smaller network."
                    ) from error
            else:
                start += len(piece)
                continue
            # Only out here: the error's traceback holds what filled the memory.
            self._take_less(len(piece))
        return {tap: np.concatenate([one[tap] for one in vectors_of_pieces]) for tap in taps}

    def _take_less(self, tried: int) -> None:
        self.most = tried // 2
        logger.warning("%s has no memory for %d pictures at once; going on with %d.", self._device, tried, self.most)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _forward_pass(self, batch: NDArray[Any], taps: Sequence[str]) -> Vectors:
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            # Colours last, as convolutions like it best: on two cores of an EPYC up to twice as fast.
            pictures = torch.from_numpy(np.ascontiguousarray(batch)).contiguous(memory_format=torch.channels_last)
            if self._device.type == "cuda":
                pictures = pictures.pin_memory().to(self._device, non_blocking=True)
            if pictures.dtype == torch.uint8:
                factor, offset = self._normalisation
                pictures = pictures.to(torch.float32).mul_(factor).sub_(offset)
            found = self._network(pictures, taps)
            return {tap: found[tap].float().cpu().numpy() for tap in taps}
