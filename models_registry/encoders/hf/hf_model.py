"""Vision models of the transformers library: `hf:NAME`, a folder or what the hub's cache on this machine holds.

The library is optional and imported when such a model is used. Nothing is fetched and no code of a model's author
is run. Preprocessing is ours, by what the model's own processor was saved with.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models_registry.encoders.encoder_base import Encoder, check_trial
from models_registry.encoders.encoder_options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    pool_as_tap,
    preprocess_with,
    refuse_unknown,
)
from models_registry.encoders.hf.hf_files import (
    CONFIG,
    INDEX,
    WEIGHTS,
    folder_of,
    hash_of,
    kept_files,
    need_library,
    part_names,
    read_config,
    weight_files,
)
from models_registry.encoders.hf.hf_preprocessing import own_preprocess
from models_registry.errors import EncoderError, WeightsRefused
from models_registry.spec import EncoderSpec, Tap

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from numpy.typing import NDArray

    from models_registry.encoders.hf.hf_network import HfNetwork


class HfModel:
    """`hf:NAME`; options `tap` or `pool`, `size` and those of preprocessing.

    Taps: `embedding`, the projected vector of models such as CLIP; `pooled`, what the model itself pools; `cls`, its
    first token where there is one; `mean`, `patch-mean` and `gem` as in `pooling`. The first that there is, unless
    others are chosen. `pooled` is not offered where the file lacks the weights of the pooling.
    """

    version = 2

    def files(self, argument: str) -> tuple[Path, ...]:
        return weight_files(folder_of(argument))

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ("tap", "pool", "size", *PREPROCESS_OPTIONS))
        need_library()
        from models_registry.encoders.hf.hf_network import open_network

        folder = folder_of(argument)
        files, config = weight_files(folder), read_config(folder)
        preprocess = preprocess_with(own_preprocess(folder, config, options), options)
        vectors_by_tap = _tried_out(open_network(folder, config), preprocess.size, source)
        taps = [Tap(name, rows.shape[1]) for name, rows in vectors_by_tap.items()]
        spec = EncoderSpec(
            family="hf",
            version=self.version,
            source=source,
            taps=chosen_taps(source, pool_as_tap(options), taps, taps[:1]),
            preprocess=preprocess,
            weights_sha256=hash_of(files),
            options={"config": config},
        )
        for tap in spec.taps:
            check_trial(source, tap.name, vectors_by_tap[tap.name])
        return spec

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        from models_registry.encoders.torch_encoder import TorchEncoder, torch_device

        target_device = torch_device(device)
        return TorchEncoder(spec, self.load_network(spec, weights, target_device), target_device)

    def load_network(self, spec: EncoderSpec, weights: Path | None, device: torch.device | str = "cpu") -> HfNetwork:
        """The network with its own weights; raises WeightsRefused where these are not the registered ones."""
        need_library()
        files = self.files(spec.source.partition(":")[2]) if weights is None else kept_files(weights)
        if hash_of(files) != spec.weights_sha256:
            raise WeightsRefused(f"{files[0]} is not what was registered: its SHA-256 differs. Register it anew.")
        from models_registry.encoders.hf.hf_network import open_network

        with tempfile.TemporaryDirectory() as name:
            # The library wants a folder with its own names for the files.
            folder = Path(name)
            names = (WEIGHTS,) if len(files) == 1 else (INDEX, *part_names(files[0]))
            for library_name, file in zip(names, files, strict=True):
                (folder / library_name).symlink_to(file.resolve())
            (folder / CONFIG).write_text(json.dumps(spec.options["config"]), encoding="utf-8")
            return open_network(folder, spec.options["config"], device)


def _tried_out(network: HfNetwork, size: tuple[int, int], source: str) -> dict[str, NDArray[np.float32]]:
    """Vectors [2, dim] of noise at every tap; raises EncoderError for a size that the network cannot read."""
    import torch

    noise = np.random.default_rng(0).standard_normal((2, 3, *size)).astype(np.float32)
    try:
        with torch.inference_mode():
            return {tap: rows.float().numpy() for tap, rows in network.every_tap(torch.from_numpy(noise)).items()}
    except (RuntimeError, ValueError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EncoderError(f"{source} cannot read pictures of {size[1]} x {size[0]}: {reason}") from error


FAMILY = HfModel()
