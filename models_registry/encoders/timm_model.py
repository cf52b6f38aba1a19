"""Networks of the timm library: `timm:NAME=FILE`, weights from a file of tensors. Optional; timm needs torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.encoder_base import Encoder, check_trial
from models_registry.encoders.encoder_options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    picture_size,
    preprocess_with,
    refuse_unknown,
)
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.spec import EncoderSpec, Preprocess, Tap
from models_registry.weights import checked_file, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

_TAP = "embedding"
_WEIGHTS = "model.safetensors"


class TimmModel:
    """`timm:NAME` with the weights that the hub's cache on this machine holds, or `timm:NAME=FILE` with your own.

    One tap, `embedding`: the network without its classifier. Options `tap`, `size` and those of preprocessing.
    """

    version = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        name, _, file = argument.partition("=")
        path = Path(file) if file else _cached_weights(name)
        if not path.is_file():
            raise WeightsMissing(f"There is no file {path}.")
        return (path,)

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ("tap", "size", *PREPROCESS_OPTIONS))
        _timm_library()
        name = argument.partition("=")[0]
        weights = self.files(argument)[0]
        network = _open_network(name, weights)
        preprocess = preprocess_with(_own_preprocess(network, options), options)
        rows = _tried_out(network, preprocess.size)
        check_trial(source, _TAP, rows)
        tap = Tap(_TAP, rows.shape[1])
        return EncoderSpec(
            family="timm",
            version=self.version,
            source=source,
            taps=chosen_taps(source, options, [tap], [tap]),
            preprocess=preprocess,
            weights_sha256=sha256_of(weights),
            options={"name": name},
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        _timm_library()
        path = weights or self.files(spec.source.partition(":")[2])[0]
        from models_registry.encoders.torch_encoder import TorchEncoder, torch_device

        target_device = torch_device(device)
        network = _open_network(spec.options["name"], checked_file(path, spec.weights_sha256)).to(target_device)

        def embedding_of(pictures: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
            return dict.fromkeys(taps, network(pictures).flatten(1))

        return TorchEncoder(spec, embedding_of, target_device)


def _timm_library() -> Any:
    """The library; without torchvision it cannot even be imported."""
    try:
        import timm
    except ImportError as error:
        missing = error.name or "timm"
        raise EncoderError(
            f"timm: needs the libraries timm and torchvision, which are optional; {missing} is missing. "
            "pip install timm torchvision, or save the network as ONNX and register onnx:FILE."
        ) from error
    return timm


def _cached_weights(name: str) -> Path:
    """The published weights of a network, where they were downloaded before."""
    timm = _timm_library()
    from huggingface_hub import try_to_load_from_cache

    pretrained = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    hub = getattr(pretrained, "hf_hub_id", None)
    weights_file = try_to_load_from_cache(hub, _WEIGHTS) if hub else None
    if not isinstance(weights_file, str):
        with_network = f"With a network: hf download {hub}. " if hub else ""
        raise WeightsMissing(
            f"No weights of {name} were downloaded before. {with_network}Or write timm:{name}=FILE.safetensors."
        )
    return Path(weights_file)


def _open_network(name: str, weights: Path) -> Any:
    from models_registry.encoders.tunable_networks import read_state

    timm = _timm_library()
    if not timm.is_model(name):
        raise EncoderError(f"timm knows no network called {name}.")
    network = timm.create_model(name, pretrained=False, num_classes=0)
    loading_info = network.load_state_dict(read_state(weights), strict=False)
    if loading_info.missing_keys:
        raise WeightsRefused(f"{weights.name} lacks weights of {name}, such as {sorted(loading_info.missing_keys)[0]}.")
    return network.eval().requires_grad_(False)


def _own_preprocess(network: Any, options: Mapping[str, str]) -> Preprocess:
    data_config = _timm_library().data.resolve_model_data_config(network)
    size = picture_size(options, tuple(data_config["input_size"][-2:]))
    # timm makes pictures larger by this share and cuts the middle out.
    share, mode = float(data_config.get("crop_pct") or 1), data_config.get("crop_mode") or "center"
    is_square = size[0] == size[1]
    return Preprocess(
        size,
        resize="squash" if mode == "squash" else "shorter-side",
        before_crop=int(size[0] / share) if share < 1 and is_square and mode != "border" else None,
        interpolation=data_config["interpolation"],
        mean=tuple(data_config["mean"]),
        std=tuple(data_config["std"]),
    )


def _tried_out(network: Any, size: tuple[int, int]) -> NDArray[np.float32]:
    """Vectors [2, dim] of noise."""
    import torch

    noise = np.random.default_rng(0).standard_normal((2, 3, *size)).astype(np.float32)
    with torch.inference_mode():
        vectors: NDArray[np.float32] = network(torch.from_numpy(noise)).flatten(1).float().numpy()
    return vectors


FAMILY = TimmModel()
