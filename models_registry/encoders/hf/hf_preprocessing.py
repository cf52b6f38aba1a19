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
    settings = _picture_settings(folder)
    if settings is None:
        if not {"mean", "std"} <= set(options):
            raise WeightsMissing(
                f"{folder} has neither {' nor '.join(PROCESSORS)}: nothing says how its pictures are to be prepared. "
                "Bring that file from where the model came, or say it with --mean, --std, --resize and --size."
            )
        settings = {}
    trained_size = _height_and_width(config.get("vision_config", config).get("image_size"))
    resized_to = _height_and_width(settings.get("size"))
    resize, size, larger = _read_geometry(settings, resized_to or trained_size or (_USUAL_SIZE, _USUAL_SIZE))
    chosen = picture_size(options, size)
    mean, std = _read_scale(settings)
    return Preprocess(
        chosen,
        resize=resize,
        before_crop=_before_crop(larger, size, chosen),
        channels="bgr" if settings.get("do_flip_channel_order") else "rgb",
        interpolation=_FILTERS.get(settings.get("resample", 2), "bilinear"),  # type: ignore[arg-type]
        mean=mean,
        std=std,
    )


def _read_geometry(settings: Mapping[str, Any], size: tuple[int, int]) -> tuple[Resize, tuple[int, int], int | None]:
    """How a picture is resized, to which size in the end, and how large it is before it is cut, where it is cut."""
    if "crop_pct" in settings and min(size) < _CROPPED_BELOW:
        return "shorter-side", size, int(min(size) / float(settings["crop_pct"] or 1))
    if settings.get("do_center_crop"):
        cut = _height_and_width(settings.get("crop_size")) or size
        if min(size) < max(cut):
            raise BadOption("The model's processor cuts more than it resizes to, and pads; say --resize and --size.")
        keeps_ratio = not isinstance(settings.get("size"), dict) or "shortest_edge" in settings["size"]
        if settings.get("do_resize", True) is False:
            raise BadOption("The model's processor cuts pictures without resizing them; say --resize and --size.")
        return "shorter-side" if keeps_ratio else "squash", cut, min(size)
    return "squash", size, None


def _before_crop(larger: int | None, size: tuple[int, int], chosen: tuple[int, int]) -> int | None:
    """How large a picture is before it is cut: for another size than the file's, larger by as much."""
    if larger is None or chosen == size:
        return larger
    return round(larger * chosen[0] / size[0]) if chosen[0] == chosen[1] and size[0] == size[1] else None


def _read_scale(settings: Mapping[str, Any]) -> tuple[Triple, Triple]:
    """Mean and deviation on values of 0 … 1, whatever the processor multiplies pixels by."""
    # A processor that has no step for means (MobileViT) says so by the one that it has instead.
    is_plain = settings.get("do_normalize") is False or (
        "do_flip_channel_order" in settings and "do_normalize" not in settings
    )
    usual = Preprocess(_USUAL_SIZE)  # type: ignore[arg-type]
    mean = (0.0,) * 3 if is_plain else _three_channels(settings.get("image_mean"), usual.mean)
    std = (1.0,) * 3 if is_plain else _three_channels(settings.get("image_std"), usual.std)
    if settings.get("include_top"):  # EfficientNet divides by the deviation twice
        std = (std[0] ** 2, std[1] ** 2, std[2] ** 2)
    factor = 1.0 if settings.get("do_rescale") is False else float(settings.get("rescale_factor", _PLAIN))
    if abs(factor - _PLAIN) < 1e-9:
        return mean, std
    # (pixel * factor - mean) / std, with pixel / 255 in place of the pixel.
    by_factor = factor * 255
    first, second, third = (value / by_factor for value in mean)
    return (first, second, third), (std[0] / by_factor, std[1] / by_factor, std[2] / by_factor)


def _picture_settings(folder: Path) -> dict[str, Any] | None:
    """What the model's processor is told about pictures, whichever of its files says so; None where none does."""
    for name in PROCESSORS:
        if (folder / name).is_file():
            record = json.loads((folder / name).read_text(encoding="utf-8"))
            settings: dict[str, Any] | None = record.get("image_processor") if "image_processor" in record else record
            if settings is not None and _concerns_pictures(settings):
                return {
                    **_defaults_of(settings),
                    **{key: value for key, value in settings.items() if value is not None},
                }
    return None


def _concerns_pictures(settings: Mapping[str, Any]) -> bool:
    return bool({"size", "image_mean", "crop_size", "do_resize", "image_processor_type"} & set(settings))


def _defaults_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the library's class of this processor takes for granted; nothing where it cannot be had here."""
    name = str(settings.get("image_processor_type") or settings.get("feature_extractor_type") or "")
    name = name.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
    transformers: Any = import_module("transformers")
    for candidate in (f"{name}Pil", name):
        try:
            defaults: dict[str, Any] = getattr(transformers, candidate)().to_dict()
        except Exception:  # noqa: S112 - a class that needs what is not installed raises whatever it likes
            continue
        return {key: value for key, value in defaults.items() if value is not None}
    return {}


def _height_and_width(size: Any) -> tuple[int, int] | None:
    """(height, width) of what files call a size: a number, two of them, or a dictionary."""
    if isinstance(size, dict):
        if "shortest_edge" in size:
            return _height_and_width(size["shortest_edge"])
        size = (size.get("height"), size.get("width"))
    if isinstance(size, list | tuple):
        return (int(size[0]), int(size[-1])) if size and size[0] and size[-1] else None
    return (int(size), int(size)) if size else None


def _three_channels(values: Any, usual: Triple) -> Triple:
    if values is None:
        return usual
    if isinstance(values, int | float):
        return (float(values),) * 3
    first, second, third = values
    return (float(first), float(second), float(third))
