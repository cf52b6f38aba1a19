"""VGG16 with the published ImageNet weights, and the same network with random ones as a floor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models_registry.encoders.encoder_base import no_argument
from models_registry.encoders.encoder_options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    preprocess_with,
    refuse_unknown,
    whole_number,
)
from models_registry.spec import EncoderSpec, Preprocess, Tap
from models_registry.weights import checked_file, published_file, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_registry.encoders.encoder_base import Encoder

_DIM = 4096
TAPS = (Tap("fc6", _DIM), Tap("fc7", _DIM))
ALL_TAPS = (*TAPS, Tap("fc6-pre", _DIM), Tap("fc7-pre", _DIM), Tap("pool5", 25088))
PREPROCESS = Preprocess((224, 224))


class Vgg16Imagenet:
    """`vgg16.imagenet`, from the published file, or `vgg16.imagenet:FILE` for weights of the same shape."""

    version = 1
    every_tap = ALL_TAPS

    def files(self, argument: str) -> tuple[Path, ...]:
        return (_weight_file(argument),)

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ("tap", *PREPROCESS_OPTIONS))
        return EncoderSpec(
            family="vgg16.imagenet",
            version=self.version,
            source=source,
            taps=chosen_taps(source, options, ALL_TAPS, TAPS),
            preprocess=preprocess_with(PREPROCESS, options),
            weights_sha256=sha256_of(_weight_file(argument)),
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        from models_registry.encoders.tunable_networks import network_with_weights, torch_encoder

        path = checked_file(weights or _weight_file(spec.source.partition(":")[2]), spec.weights_sha256)
        return torch_encoder(spec, network_with_weights(spec, path), device)


class Vgg16Random:
    """`vgg16.random`: what the layout alone gives; option `seed`."""

    version = 1
    every_tap = ALL_TAPS

    def files(self, argument: str) -> tuple[Path, ...]:
        return ()

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        no_argument(source, argument)
        refuse_unknown(source, options, ("tap", "seed", *PREPROCESS_OPTIONS))
        return EncoderSpec(
            family="vgg16.random",
            version=self.version,
            source=source,
            taps=chosen_taps(source, options, ALL_TAPS, TAPS),
            preprocess=preprocess_with(PREPROCESS, options),
            options={"seed": whole_number(options, "seed", 0)},
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        from models_registry.encoders.tunable_networks import network_with_weights, torch_encoder

        return torch_encoder(spec, network_with_weights(spec, None), device)


def _weight_file(argument: str) -> Path:
    return Path(argument) if argument else published_file("vgg16.imagenet")


IMAGENET = Vgg16Imagenet()
RANDOM = Vgg16Random()
