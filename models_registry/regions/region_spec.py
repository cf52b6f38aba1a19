"""A locator or masker as a record: everything that changes what it finds, as plain JSON-able values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from models_registry.encoders.encoder_options import (
    PREPROCESS_OPTIONS,
    preprocess_with,
    refuse_unknown,
    whole_number,
)
from models_registry.errors import BadOption
from models_registry.spec import Preprocess

if TYPE_CHECKING:
    from collections.abc import Mapping

RegionKind = Literal["locator", "masker"]
Units = Literal["shares", "pixels"]
Corners = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
Layout = Literal["apart", "rows", "columns", "mask"]

LARGEST_SIDE = 2048
REGION_OPTIONS = ("boxes", "corners", "outputs", "least-score", "size", *PREPROCESS_OPTIONS)
_LEAST: Mapping[RegionKind, float] = {"locator": 0.3, "masker": 0.5}
_VERSION = 1


def region_options(fields: Mapping[str, Any]) -> dict[str, str]:
    """Of what a form, a request or a command line says, the options of a locator or masker, whose names have dashes."""
    texts = {name: fields.get(name.replace("-", "_")) for name in REGION_OPTIONS}
    return {name: str(value).strip() for name, value in texts.items() if value is not None and str(value).strip()}


@dataclass(frozen=True, slots=True)
class RegionSpec:
    """A user's own network that finds or masks things.

    `outputs` are those that are read and `layout` says how: boxes and scores `apart`; one output of `rows` x, y, x, y,
    score, class; or of `columns` with four corners and a score per class. `boxes` says whether corners come in shares
    of the input's sides or in its pixels, `corners` in which order. What scores less than `least_score` is not
    suggested; where a mask is below it, the picture is blanked.
    """

    kind: RegionKind
    source: str
    sha256: str
    preprocess: Preprocess
    outputs: tuple[str, ...]
    layout: Layout = "apart"
    boxes: Units = "shares"
    corners: Corners = "xyxy"
    least_score: float = 0.3

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over everything that changes what is found: another one, and vectors of masked pictures are
        made anew."""
        record = {**self.to_json(), "version": _VERSION}
        del record["source"]
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain values, fit for a JSON column."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> RegionSpec:
        """The spec that `to_json` wrote."""
        fields = {**record, "preprocess": Preprocess(**record["preprocess"]), "outputs": tuple(record["outputs"])}
        return cls(**fields)


def rules_of(
    kind: RegionKind, source: str, options: Mapping[str, Any], fixed: tuple[int | None, int | None]
) -> Preprocess:
    """How pictures are made ready for it; `fixed` are the height and width that the file itself says.

    Raises BadOption.
    """
    refuse_unknown(source, options, REGION_OPTIONS)
    texts = {name: str(value) for name, value in options.items()}
    asked_size = whole_number(texts, "size", 0) or None
    size = (fixed[0] or asked_size, fixed[1] or asked_size)
    if size[0] is None or size[1] is None:
        raise BadOption(f"{source} takes pictures of any size; say which it was trained on, for example --size 320.")
    if asked_size is not None and (fixed[0] or asked_size, fixed[1] or asked_size) != (asked_size, asked_size):
        raise BadOption(f"{source} reads pictures of {size[1]} x {size[0]} and no other size.")
    if not min(size[0], size[1]) >= 1 or max(size[0], size[1]) > LARGEST_SIDE:
        raise BadOption(f"{source} reads pictures of {size[1]} x {size[0]}; sides of 1 to {LARGEST_SIDE} are possible.")
    rules = preprocess_with(Preprocess((size[0], size[1])), texts)
    if rules.resize == "shorter-side":
        raise BadOption(f"{source}: a {kind} has to see all of a picture; choose squash or letterbox.")
    return rules


def least_score(kind: RegionKind, options: Mapping[str, Any]) -> float:
    """The option of this name as a number; raises BadOption."""
    text = options.get("least-score", _LEAST[kind])
    try:
        number = float(text)
    except ValueError as error:
        raise BadOption(f"least-score must be a number, not {text}.") from error
    if not abs(number) < 1e6:
        raise BadOption(f"least-score must be a number, not {text}.")
    return number


def chosen_word(name: str, options: Mapping[str, Any], default: str, allowed: Any) -> Any:
    """The option where it is one of the words allowed; raises BadOption."""
    word = str(options.get(name, default))
    if word not in get_args(allowed):
        raise BadOption(f"{name} must be one of {', '.join(get_args(allowed))}, not {word}.")
    return word
