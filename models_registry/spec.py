"""What an encoder is, written down: everything that changes its vectors, as plain JSON-able values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Resize = Literal["squash", "shorter-side", "letterbox"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Channels = Literal["rgb", "bgr"]
Reads = Literal["pictures", "keys", "both"]
Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


class EmptyBox(ValueError):
    """A box without a single pixel of the picture in it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in whole pixels of the picture as displayed: x1, y1 inside it, x2, y2 just outside."""

    x1: int
    y1: int
    x2: int
    y2: int

    def __post_init__(self) -> None:
        if self.x2 <= self.x1 or self.y2 <= self.y1:
            raise EmptyBox(f"The box {self.x1},{self.y1} to {self.x2},{self.y2} is empty.")

    def clamp_to(self, width: int, height: int) -> Box:
        """The part of the box that lies in a picture of this size; raises EmptyBox when there is none."""
        x1, y1, x2, y2 = max(0, self.x1), max(0, self.y1), min(width, self.x2), min(height, self.y2)
        if x2 <= x1 or y2 <= y1:
            where = f"{self.x1},{self.y1} to {self.x2},{self.y2}"
            raise EmptyBox(f"The box {where} lies outside the picture of {width} x {height}.")
        return Box(x1, y1, x2, y2)


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a picture becomes numbers, after its box has been cropped.

    `size` is (height, width). `mean` and `std` are per channel, on values scaled to 0..1, in the order of
    `channels`. `squash` ignores the aspect ratio, `shorter-side` fills the frame and cuts the rest off evenly,
    `letterbox` keeps everything and fills what is left with the mean colour. With `before_crop` the picture is resized
    to more than is wanted, its shorter side (or, squashed, both) to so many pixels, and the middle is cut out.
    """

    size: tuple[int, int]
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    channels: Channels = "rgb"
    before_crop: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _height_and_width(self.size))
        object.__setattr__(self, "mean", _three_channels(self.mean))
        object.__setattr__(self, "std", _three_channels(self.std))
        for name, allowed in (("resize", Resize), ("interpolation", Interpolation), ("channels", Channels)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name} must be one of {', '.join(get_args(allowed))}.")
        if self.before_crop is not None and (self.before_crop < max(self.size) or self.resize == "letterbox"):
            raise ValueError("before_crop must be at least the size, and says nothing where nothing is cut.")
        if min(self.size) < 1:
            raise ValueError("size must be at least 1 pixel.")
        if min(self.std) <= 0:
            raise ValueError("std must be above 0.")

    def digest(self) -> str:
        """SHA-256 (hex) of the rules, equal on every machine."""
        return _json_sha256(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain values; what was added later is left out where it is not used, so that digests stay what they were."""
        record = asdict(self)
        if self.before_crop is None:
            del record["before_crop"]
        return record


@dataclass(frozen=True, slots=True)
class Tap:
    """A named output of an encoder and the length of its vectors."""

    name: str
    dim: int


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An encoder as a record: enough to load it again, and to tell whether its vectors may be reused.

    `source` is what the person wrote (`onnx:/path/net.onnx`); it is not part of the fingerprint, since the
    same file gives the same vectors wherever it lies. `version` counts the changes of the family's own code
    that changed its vectors. `weights_sha256` is None where there are no weights. An encoder that `reads` keys
    has ready vectors and needs no picture; one that reads both joins such vectors with those of pictures.
    """

    family: str
    version: int
    source: str
    taps: tuple[Tap, ...]
    preprocess: Preprocess | None
    weights_sha256: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    reads: Reads = "pictures"

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over everything that changes vectors; a cache of vectors is keyed by it and the tap."""
        return _json_sha256(
            {
                "family": self.family,
                "version": self.version,
                "preprocess": None if self.preprocess is None else self.preprocess.to_json(),
                "weights": self.weights_sha256,
                "options": dict(self.options),
            }
        )

    @property
    def rules(self) -> Preprocess:
        """The preprocessing of an encoder that reads pictures; raises ValueError for one that reads keys."""
        if self.preprocess is None:
            raise ValueError(f"{self.source} reads no pictures.")
        return self.preprocess

    def tap_named(self, name: str) -> Tap:
        """The tap of this name; raises KeyError naming those there are."""
        for tap in self.taps:
            if tap.name == name:
                return tap
        raise KeyError(f"{self.source} has no tap {name}; it has {', '.join(t.name for t in self.taps)}.")

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers, fit for a JSON column."""
        record = asdict(self)
        record["options"] = dict(self.options)
        record["preprocess"] = None if self.preprocess is None else self.preprocess.to_json()
        plain: dict[str, Any] = json.loads(json.dumps(record))
        return plain

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EncoderSpec:
        """The spec that `to_json` wrote."""
        preprocess = record["preprocess"]
        return cls(
            family=record["family"],
            version=record["version"],
            source=record["source"],
            taps=tuple(Tap(**tap) for tap in record["taps"]),
            preprocess=None if preprocess is None else Preprocess(**preprocess),
            weights_sha256=record["weights_sha256"],
            options=dict(record["options"]),
            reads=record["reads"],
        )


def _height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(size, int):
        return (size, size)
    height, width = size
    return (int(height), int(width))


def _three_channels(values: float | tuple[float, ...]) -> Triple:
    if isinstance(values, int | float):
        return (float(values),) * 3
    if len(values) not in {1, 3}:
        raise ValueError("mean and std take one number or three.")
    first, second, third = values if len(values) == 3 else tuple(values) * 3
    return (float(first), float(second), float(third))


def _json_sha256(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
