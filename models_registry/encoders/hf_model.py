"""Vision models of the transformers library: `hf:NAME`, a folder or what the hub's cache on this machine holds.

The library is optional and imported when such a model is used. Nothing is fetched and no code of a model's author
is run. Preprocessing is ours, with the sizes and means that the model's own files name.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.base import Encoder, check_finite
from models_registry.encoders.options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    preprocess_with,
    refuse_unknown,
    whole_number,
)
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.spec import EncoderSpec, Preprocess, Tap
from models_registry.weights import checked, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from numpy.typing import NDArray
    from torch import Tensor


WEIGHTS, CONFIG, PROCESSOR = "model.safetensors", "config.json", "preprocessor_config.json"
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
_USUAL_SIZE = 224


class HfModel:
    """`hf:NAME`; options `tap`, `size` and those of preprocessing.

    Taps: `embedding`, the projected vector of two-tower models such as CLIP; `pooled`, what the model itself pools;
    `cls`, its first token; `mean`, the mean over all tokens or places. The first that there is, unless others are
    chosen. `pooled` is not offered where the file lacks the weights of the pooling.
    """

    version = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        folder = _folder(argument)
        return (folder / WEIGHTS, folder / CONFIG)

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ("tap", "size", *PREPROCESS_OPTIONS))
        _need_library()
        folder = _folder(argument)
        network = _open(folder)
        preprocess = preprocess_with(_own_preprocess(folder, network, options), options)
        found = _tried_out(network, preprocess.size)
        taps = [Tap(name, rows.shape[1]) for name, rows in found.items()]
        spec = EncoderSpec(
            family="hf",
            version=self.version,
            source=source,
            taps=chosen_taps(source, options, taps, taps[:1]),
            preprocess=preprocess,
            weights_sha256=sha256_of(folder / WEIGHTS),
            options={"config": hashlib.sha256((folder / CONFIG).read_bytes()).hexdigest()},
        )
        for tap in spec.taps:
            check_finite(source, tap.name, found[tap.name])
        return spec

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        _need_library()
        if weights is None:
            weights, config = self.files(spec.source.partition(":")[2])
        else:
            config = weights.with_name(weights.stem + CONFIG)
        checked(weights, spec.weights_sha256)
        checked(config, spec.options["config"])
        with tempfile.TemporaryDirectory() as place:
            # The library wants a folder with its own names for the files.
            for name, file in ((WEIGHTS, weights), (CONFIG, config)):
                (Path(place) / name).symlink_to(file.resolve())
            from models_registry.encoders.torch_encoder import TorchEncoder, torch_device

            where = torch_device(device)
            return TorchEncoder(spec, _open(Path(place), where), where)


class HfNetwork:
    """A loaded model and the taps it can give."""

    def __init__(self, model: Any, has_pooling: bool) -> None:
        self.model = model
        self._has_pooling = has_pooling
        self._is_two_tower = hasattr(model, "get_image_features")

    def __call__(self, pictures: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        found = self.every_tap(pictures)
        return {tap: found[tap] for tap in taps}

    def every_tap(self, pixels: Tensor) -> dict[str, Tensor]:
        """Vectors [n, dim] of pictures [n, 3, h, w] at every tap that there is."""
        found: dict[str, Any] = {}
        if self._is_two_tower:
            features = self.model.get_image_features(pixel_values=pixels)
            found["embedding"] = _tensor(features)
            output = self.model.vision_model(pixel_values=pixels)
        else:
            output = self.model(pixel_values=pixels)
        states = output.last_hidden_state
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None and self._has_pooling:
            found["pooled"] = pooled.flatten(1)
        if states.ndim == 3:
            found["cls"] = states[:, 0]
            found["mean"] = states.mean(dim=1)
        else:
            found["mean"] = states.flatten(2).mean(dim=2)
        return found


def _need_library() -> None:
    if find_spec("transformers") is None:
        raise EncoderError("hf: needs the transformers library, which is optional: pip install transformers")


def _folder(argument: str) -> Path:
    """The folder that a name means: one of this machine, else the hub's cache."""
    if not argument:
        raise WeightsMissing("Write hf:FOLDER, or hf:NAME for a model that was downloaded before.")
    folder = Path(argument)
    if not folder.is_dir():
        folder = _cached(argument)
    if not (folder / CONFIG).is_file():
        raise WeightsMissing(f"{folder} has no {CONFIG}: is this the folder of a transformers model?")
    if not (folder / WEIGHTS).is_file():
        raise WeightsRefused(
            f"{folder} has no {WEIGHTS}. Pickled weights may run code and weights in several files are not read: save "
            "the model anew with save_pretrained(FOLDER)."
        )
    return folder


def _cached(name: str) -> Path:
    _need_library()
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, CONFIG)
    except HFValidationError:
        found = None
    if not isinstance(found, str):
        raise WeightsMissing(
            f"There is no folder {name}, and no such model was downloaded before. With a network: hf download {name}. "
            "Without: bring its folder and write hf:FOLDER."
        )
    return Path(found).parent


def _open(folder: Path, device: torch.device | str = "cpu") -> HfNetwork:
    transformers: Any = import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, told = transformers.AutoModel.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # the library raises almost anything for a file that does not fit
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EncoderError(f"{folder} cannot be loaded as a vision model: {reason}") from error
    missing = [key for key in told["missing_keys"] if "pooler" not in key]
    if missing:
        raise WeightsRefused(f"{folder / WEIGHTS} lacks weights of the model, such as {sorted(missing)[0]}.")
    if getattr(model, "main_input_name", "") != "pixel_values" and not hasattr(model, "get_image_features"):
        raise EncoderError(f"{folder} is a {type(model).__name__}, which reads no pictures.")
    return HfNetwork(model.eval().requires_grad_(False).to(device), not told["missing_keys"])


def _tried_out(network: HfNetwork, size: tuple[int, int]) -> dict[str, NDArray[np.float32]]:
    """Vectors [2, dim] of noise at every tap."""
    import torch

    noise = np.random.default_rng(0).standard_normal((2, 3, *size)).astype(np.float32)
    with torch.inference_mode():
        return {tap: rows.float().numpy() for tap, rows in network.every_tap(torch.from_numpy(noise)).items()}


def _own_preprocess(folder: Path, network: HfNetwork, options: Mapping[str, str]) -> Preprocess:
    """What the model's own files say, ImageNet's means and squashing where they say nothing."""
    told: dict[str, Any] = {}
    if (folder / PROCESSOR).is_file():
        told = json.loads((folder / PROCESSOR).read_text(encoding="utf-8"))
    config = getattr(network.model.config, "vision_config", network.model.config)
    size = _side(told.get("crop_size")) or _side(getattr(config, "image_size", None)) or _side(told.get("size"))
    side = whole_number(options, "size", size or _USUAL_SIZE)
    usual = Preprocess((side, side))
    return Preprocess(
        (side, side),
        resize="shorter-side" if told.get("do_center_crop") else "squash",
        interpolation=_FILTERS.get(told.get("resample", 2), "bilinear"),  # type: ignore[arg-type]
        mean=tuple(told.get("image_mean", usual.mean)),
        std=tuple(told.get("image_std", usual.std)),
    )


def _side(size: Any) -> int | None:
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    if isinstance(size, list | tuple):
        size = size[0]
    return int(size) if size else None


def _tensor(features: Any) -> Any:
    """Newer versions of the library wrap what older ones gave as it is."""
    return getattr(features, "pooler_output", features)


FAMILY = HfModel()
