"""Options as people write them (`--mean 0.5 --resize letterbox`) made into values, or refused in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_registry.encoders.pooling import POOLS
from models_registry.errors import BadOption
from models_registry.spec import Preprocess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from models_registry.spec import Tap

PREPROCESS_OPTIONS = ("resize", "interpolation", "mean", "std", "channels")


def refuse_unknown(source: str, options: Mapping[str, str], option_names: Iterable[str]) -> None:
    """Raise BadOption for an option that this encoder does not have."""
    option_names = sorted(option_names)
    for name in options:
        if name not in option_names:
            has = f"it has {', '.join(option_names)}" if option_names else "it has none"
            raise BadOption(f"{source} has no option {name}; {has}.")


def preprocess_with(default: Preprocess, options: Mapping[str, str]) -> Preprocess:
    """The default rules with those replaced that the options name."""
    record: dict[str, Any] = {
        "size": default.size,
        "resize": default.resize,
        "interpolation": default.interpolation,
        "mean": default.mean,
        "std": default.std,
        "channels": default.channels,
        "before_crop": default.before_crop,
    }
    if "resize" in options:
        record["before_crop"] = None  # the picture is resized otherwise than its own processor would
    for name in PREPROCESS_OPTIONS:
        if name in options:
            record[name] = _parse_numbers(name, options[name]) if name in {"mean", "std"} else options[name]
    try:
        return Preprocess(**record)
    except ValueError as error:
        raise BadOption(str(error)) from error


def whole_number(options: Mapping[str, str], name: str, default: int) -> int:
    """The option as an integer."""
    text = options.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise BadOption(f"{name} must be a whole number, not {text}.") from error


def picture_size(options: Mapping[str, str], default: tuple[int, int]) -> tuple[int, int]:
    """The option `size` as (height, width): one number for both, or `256x128`; the default where it is not given."""
    text = options.get("size")
    if text is None:
        return default
    try:
        numbers = [int(part) for part in str(text).lower().split("x")]
    except ValueError:
        numbers = []
    if len(numbers) not in {1, 2} or min(numbers) < 1:
        raise BadOption(f"size is a number of pixels, or height x width such as 256x128, not {text}.")
    return (numbers[0], numbers[-1])


def pool_as_tap(options: Mapping[str, str]) -> dict[str, str]:
    """The options with `pool` written as the tap of the same name; raises BadOption where both are given."""
    if "pool" not in options:
        return dict(options)
    if "tap" in options:
        raise BadOption("tap and pool both choose what is compared: give one of them.")
    if options["pool"] not in POOLS:
        raise BadOption(f"pool is one of {', '.join(POOLS)}, not {options['pool']}.")
    return {**options, "tap": options["pool"]}


def chosen_taps(
    source: str, options: Mapping[str, str], taps: Sequence[Tap], default: Sequence[Tap]
) -> tuple[Tap, ...]:
    """The taps that the option `tap` lists (comma between), or the default ones."""
    text = options.get("tap")
    if text is None:
        return tuple(default)
    by_name = {tap.name: tap for tap in taps}
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in by_name:
            raise BadOption(f"{source} has no tap {name}; it has {', '.join(by_name)}.")
    if not names:
        raise BadOption("tap needs the name of at least one output.")
    return tuple(by_name[name] for name in dict.fromkeys(names))


def _parse_numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in str(text).replace(" ", "").split(","))
    except ValueError as error:
        raise BadOption(f"{name} takes one number or three with commas between, not {text}.") from error
    if len(numbers) not in {1, 3}:
        raise BadOption(f"{name} takes one number or three with commas between, not {len(numbers)}.")
    return numbers
