"""What encoders without weights have in common: no files, no options, square pictures with values 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.encoder_base import no_argument
from models_registry.encoders.encoder_options import refuse_unknown
from models_registry.spec import EncoderSpec, Preprocess, Tap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.encoders.encoder_base import Encoder


@dataclass(frozen=True, slots=True)
class DescriptionFamily:
    """The family `name`, whose `encoder` reads pictures of `side` x `side` pixels.

    `blocks` say where each block lies in the vector: what is learnt from people may weigh them apart.
    """

    name: str
    side: int
    blocks: Mapping[str, tuple[int, int]]
    encoder: type[Encoder]
    version: int = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        return ()

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        no_argument(source, argument)
        refuse_unknown(source, options, ())
        return EncoderSpec(
            family=self.name,
            version=self.version,
            source=source,
            taps=(Tap("embedding", max(stop for _, stop in self.blocks.values())),),
            preprocess=Preprocess((self.side, self.side), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        return self.encoder(spec)


def unit_rows(block: NDArray[Any]) -> NDArray[np.float32]:
    """Rows at length 1; a row of zeros stays as it is."""
    return np.asarray(block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12), dtype=np.float32)
