"""A VGG small enough to run in seconds on any machine, for demonstrations and tests. Its weights are random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_registry.encoders.encoder_base import no_argument
from models_registry.encoders.encoder_options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    preprocess_with,
    refuse_unknown,
    whole_number,
)
from models_registry.errors import BadOption
from models_registry.spec import EncoderSpec, Preprocess, Tap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models_registry.encoders.encoder_base import Encoder

_DIM = 256
_SIZES = (64, 96)
TAPS = (Tap("fc6", _DIM), Tap("fc7", _DIM))
ALL_TAPS = (*TAPS, Tap("fc6-pre", _DIM), Tap("fc7-pre", _DIM), Tap("pool5", 256))


class TinyVgg:
    """`tiny-vgg`; options `size` (64 or 96 pixels) and `seed`."""

    version = 1
    every_tap = ALL_TAPS

    def files(self, argument: str) -> tuple[Path, ...]:
        return ()

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        no_argument(source, argument)
        refuse_unknown(source, options, ("tap", "size", "seed", *PREPROCESS_OPTIONS))
        size = whole_number(options, "size", _SIZES[0])
        if size not in _SIZES:
            raise BadOption(f"size of {source} must be 64 or 96, not {size}.")
        return EncoderSpec(
            family="tiny-vgg",
            version=self.version,
            source=source,
            taps=chosen_taps(source, options, ALL_TAPS, TAPS),
            preprocess=preprocess_with(Preprocess((size, size)), options),
            options={"seed": whole_number(options, "seed", 0)},
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        from models_registry.encoders.tunable_networks import network_with_weights, torch_encoder

        return torch_encoder(spec, network_with_weights(spec, None), device)


FAMILY = TinyVgg()
