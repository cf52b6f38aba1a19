"""How a transformers model wants its pictures, read from what its own processor was saved with.

The library's class completes what the file leaves out, where it can be made here; without it the file alone is read.
Where no file says anything the model is refused: ImageNet's means would give plausible neighbours, and wrong ones.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from models_registry.encoders.encoder_options import picture_size
from models_registry.errors import BadOption, WeightsMissing
from models_registry.spec import Preprocess

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models_registry.spec import Resize, Triple

PROCESSORS = ("preprocessor_config.json", "processor_config.json")
"""Where the rules of preprocessing are: by themselves, or inside those of a processor of pictures and texts."""
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
_USUAL_SIZE = 224
_CROPPED_BELOW = 384
"""ConvNeXt and ResNet: pictures for fewer pixels are made larger by `crop_pct` and cut, others are squashed."""
_PLAIN = 1 / 255


def own_preprocess(folder: Path, config: Mapping[str, Any], options: Mapping[str, str]) -> Preprocess:
    """The rules that the model's own files state, at the size that the options or they name.

    Raises WeightsMissing where no file says how, unless `mean` and `std` are among the options; BadOption for what
    cannot be written down as rules.
    """
    told = _told_of_pictures(folder)
    if told is None:
        if not {"mean", "std"} <= set(options):
            raise WeightsMissing(
                f"{folder} has neither {' nor '.join(PROCESSORS)}: nothing says how its pictures are to be prepared. "
                "Bring that file from where the model came, or say it with --mean, --std, --resize and --size."
            )
        told = {}
    own = _pair(config.get("vision_config", config).get("image_size"))
    resized = _pair(told.get("size"))
    resize, size, larger = _geometry(told, resized or own or (_USUAL_SIZE, _USUAL_SIZE))
    chosen = picture_size(options, size)
    mean, std = _scale(told)
    return Preprocess(
        chosen,
        resize=resize,
        before_crop=_before_crop(larger, size, chosen),
        channels="bgr" if told.get("do_flip_channel_order") else "rgb",
        interpolation=_FILTERS.get(told.get("resample", 2), "bilinear"),  # type: ignore[arg-type]
        mean=mean,
        std=std,
    )


def _geometry(told: Mapping[str, Any], size: tuple[int, int]) -> tuple[Resize, tuple[int, int], int | None]:
    """How a picture is resized, to which size in the end, and how large it is before it is cut, where it is cut."""
    if "crop_pct" in told and min(size) < _CROPPED_BELOW:
        return "shorter-side", size, int(min(size) / float(told["crop_pct"] or 1))
    if told.get("do_center_crop"):
        cut = _pair(told.get("crop_size")) or size
        if min(size) < max(cut):
            raise BadOption("The model's processor cuts more than it resizes to, and pads; say --resize and --size.")
        keeps_ratio = not isinstance(told.get("size"), dict) or "shortest_edge" in told["size"]
        if told.get("do_resize", True) is False:
            raise BadOption("The model's processor cuts pictures without resizing them; say --resize and --size.")
        return "shorter-side" if keeps_ratio else "squash", cut, min(size)
    return "squash", size, None


def _before_crop(larger: int | None, size: tuple[int, int], chosen: tuple[int, int]) -> int | None:
    """How large a picture is before it is cut: for another size than the file's, larger by as much."""
    if larger is None or chosen == size:
        return larger
    return round(larger * chosen[0] / size[0]) if chosen[0] == chosen[1] and size[0] == size[1] else None


def _scale(told: Mapping[str, Any]) -> tuple[Triple, Triple]:
    """Mean and deviation on values of 0 … 1, whatever the processor multiplies pixels by."""
    # A processor that has no step for means (MobileViT) says so by the one that it has instead.
    is_plain = told.get("do_normalize") is False or ("do_flip_channel_order" in told and "do_normalize" not in told)
    usual = Preprocess(_USUAL_SIZE)  # type: ignore[arg-type]
    mean = (0.0,) * 3 if is_plain else _three(told.get("image_mean"), usual.mean)
    std = (1.0,) * 3 if is_plain else _three(told.get("image_std"), usual.std)
    if told.get("include_top"):  # EfficientNet divides by the deviation twice
        std = (std[0] ** 2, std[1] ** 2, std[2] ** 2)
    factor = 1.0 if told.get("do_rescale") is False else float(told.get("rescale_factor", _PLAIN))
    if abs(factor - _PLAIN) < 1e-9:
        return mean, std
    # (pixel * factor - mean) / std, with pixel / 255 in place of the pixel.
    by = factor * 255
    first, second, third = (value / by for value in mean)
    return (first, second, third), (std[0] / by, std[1] / by, std[2] / by)


def _told_of_pictures(folder: Path) -> dict[str, Any] | None:
    """What the model's processor is told about pictures, whichever of its files says so; None where none does."""
    for name in PROCESSORS:
        if (folder / name).is_file():
            told = json.loads((folder / name).read_text(encoding="utf-8"))
            found: dict[str, Any] | None = told.get("image_processor") if "image_processor" in told else told
            if found is not None and _is_of_pictures(found):
                return {**_defaults_of(found), **{key: value for key, value in found.items() if value is not None}}
    return None


def _is_of_pictures(told: Mapping[str, Any]) -> bool:
    return bool({"size", "image_mean", "crop_size", "do_resize", "image_processor_type"} & set(told))


def _defaults_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the library's class of this processor takes for granted; nothing where it cannot be had here."""
    name = str(told.get("image_processor_type") or told.get("feature_extractor_type") or "")
    name = name.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
    transformers: Any = import_module("transformers")
    for candidate in (f"{name}Pil", name):
        try:
            found: dict[str, Any] = getattr(transformers, candidate)().to_dict()
        except Exception:  # noqa: S112 - a class that needs what is not installed raises whatever it likes
            continue
        return {key: value for key, value in found.items() if value is not None}
    return {}


def _pair(size: Any) -> tuple[int, int] | None:
    """(height, width) of what files call a size: a number, two of them, or a dictionary."""
    if isinstance(size, dict):
        if "shortest_edge" in size:
            return _pair(size["shortest_edge"])
        size = (size.get("height"), size.get("width"))
    if isinstance(size, list | tuple):
        return (int(size[0]), int(size[-1])) if size and size[0] and size[-1] else None
    return (int(size), int(size)) if size else None


def _three(values: Any, usual: Triple) -> Triple:
    if values is None:
        return usual
    if isinstance(values, int | float):
        return (float(values),) * 3
    first, second, third = values
    return (float(first), float(second), float(third))
