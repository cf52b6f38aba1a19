"""A loaded vision model of transformers, and the taps it can give."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from models_registry.encoders.pooling import LEAST, POWER
from models_registry.errors import EncoderError, WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

_OTHER_SIZE = "interpolate_pos_encoding"
"""What a model is told where pictures have another size than it was trained on."""


class HfNetwork(nn.Module):
    """A loaded model and the taps it can give."""

    def __init__(self, model: Any, has_pooling: bool) -> None:
        super().__init__()
        self.model = model
        self._has_pooling = has_pooling
        self._is_two_tower = hasattr(model, "get_image_features")
        config = getattr(model.config, "vision_config", model.config)
        self._own_size = getattr(config, "image_size", None)
        names = [name for name, _ in model.named_parameters()]
        # Without one, the first state is just the patch at the top left (SigLIP, Swin).
        has_first = any("cls_token" in name or "class_emb" in name for name in names)
        extra = int(getattr(config, "num_register_tokens", 0) or 0) + any(
            "distillation_token" in name for name in names
        )
        self._in_front = 1 + extra if has_first else 0

    @property
    def _vision_tower(self) -> Any:
        return self.model.vision_model if self._is_two_tower else self.model

    def forward(self, pictures: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        vectors: dict[str, Tensor] = {}
        # Two-tower models run their vision tower once for each of the two: only for what is asked.
        if self._is_two_tower and "embedding" in taps:
            vectors = self._projected_tap(pictures)
        if set(taps) - set(vectors):
            vectors |= self._tower_taps(pictures)
        return {tap: vectors[tap] for tap in taps}

    def every_tap(self, pixels: Tensor) -> dict[str, Tensor]:
        """Vectors [n, dim] of pictures [n, 3, h, w] at every tap that there is."""
        return {**(self._projected_tap(pixels) if self._is_two_tower else {}), **self._tower_taps(pixels)}

    def blocks_before(self, tap: str) -> tuple[Sequence[nn.Module], Sequence[nn.Module]]:
        """The blocks of the network that sees, in their order, and what comes between the last one and a tap."""
        blocks = list(_blocks_in(self._vision_tower))
        if not blocks:
            return [self._vision_tower], []
        inside = {id(values) for values in blocks[-1].parameters()}
        holders = [one for one in self._vision_tower.modules() if any(True for _ in one.parameters(recurse=False))]
        last = max(
            number for number, one in enumerate(holders) if any(id(values) in inside for values in one.parameters())
        )
        # Models list their parts in the order in which they are run.
        behind = holders[last + 1 :]
        if self._is_two_tower and tap == "embedding" and hasattr(self.model, "visual_projection"):
            behind.append(self.model.visual_projection)
        return blocks, behind

    def _projected_tap(self, pixels: Tensor) -> dict[str, Tensor]:
        features = self.model.get_image_features(**self._call_arguments(self.model.get_image_features, pixels))
        # Newer versions of the library wrap what older ones gave as it is.
        return {"embedding": getattr(features, "pooler_output", features)}

    def _tower_taps(self, pixels: Tensor) -> dict[str, Tensor]:
        vectors: dict[str, Tensor] = {}
        output = self._vision_tower(**self._call_arguments(self._vision_tower.forward, pixels))
        embeds = getattr(output, "image_embeds", None)
        if embeds is not None:
            vectors["embedding"] = embeds
        states = output.last_hidden_state
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None and self._has_pooling:
            vectors["pooled"] = pooled.flatten(1)
        if states.ndim != 3:
            states = states.flatten(2).transpose(1, 2)
        elif self._in_front:
            vectors["cls"] = states[:, 0]
        patches = states[:, self._in_front :] if output.last_hidden_state.ndim == 3 else states
        vectors["mean"] = states.mean(dim=1)
        vectors["patch-mean"] = patches.mean(dim=1)
        vectors["gem"] = patches.clamp(min=LEAST).pow(POWER).mean(dim=1).pow(1 / POWER)
        return vectors

    def _call_arguments(self, function: Any, pixels: Tensor) -> dict[str, Any]:
        """The arguments of a call: models that know positions by one size are told of another."""
        trained_size = self._own_size if isinstance(self._own_size, list | tuple) else (self._own_size, self._own_size)
        takes = _OTHER_SIZE in inspect.signature(function).parameters
        is_other = self._own_size is not None and tuple(trained_size) != tuple(pixels.shape[-2:])
        return {"pixel_values": pixels, **({_OTHER_SIZE: True} if takes and is_other else {})}


def _blocks_in(module: nn.Module) -> Iterator[nn.Module]:
    """The smallest repeated parts: layers of a transformer, those inside the stages of networks that have some."""
    for name, part in module.named_children():
        if isinstance(part, nn.ModuleList) or (isinstance(part, nn.Sequential) and name in {"layers", "blocks"}):
            for element in part:
                inner = list(_blocks_in(element))
                yield from inner or [element]
        else:
            yield from _blocks_in(part)


def open_network(folder: Path, config: Mapping[str, Any], device: torch.device | str = "cpu") -> HfNetwork:
    """The model of a folder, in float32, on a device; raises EncoderError in one line."""
    transformers: Any = import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, loading_info = _kind_of(transformers, config).from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            # Else the type of the file: convolutions then fail on a processor, and others compute in half unasked.
            dtype=torch.float32,
        )
    except Exception as error:  # the library raises almost anything for a file that does not fit
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EncoderError(f"{folder} cannot be loaded as a vision model: {reason}") from error
    missing = [key for key in loading_info["missing_keys"] if "pooler" not in key]
    if missing:
        raise WeightsRefused(f"{folder} lacks weights of the model, such as {sorted(missing)[0]}.")
    _require_pictures(model, folder)
    network = HfNetwork(model.requires_grad_(False).to(device), not loading_info["missing_keys"])
    return network.eval()


def _kind_of(transformers: Any, config: Mapping[str, Any]) -> Any:
    """The class to load with: the library's own choice, which would drop a projection that was saved along."""
    names = [str(name) for name in config.get("architectures") or ()]
    for name in names:
        if name.endswith("VisionModelWithProjection") and hasattr(transformers, name):
            return getattr(transformers, name)
    return transformers.AutoModel


def _require_pictures(model: Any, folder: Path) -> None:
    """Raise EncoderError for a model that reads no pictures, or only together with something else."""
    name = type(model).__name__
    if getattr(model, "main_input_name", "") != "pixel_values" and not hasattr(model, "get_image_features"):
        raise EncoderError(f"{folder} is a {name}, which reads no pictures.")
    function = model.get_image_features if hasattr(model, "get_image_features") else model.forward
    if "spatial_shapes" in inspect.signature(function).parameters:
        raise EncoderError(
            f"{folder} is a {name} for pictures of any ratio (NaFlex), cut into patches by its own code; take the "
            "variant of the same model for pictures of one size."
        )
