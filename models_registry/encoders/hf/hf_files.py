"""The files of a transformers model: where they are, what they are together, and how copies of them are found again.

Weights in one file go by its own SHA-256, weights in several by that of the list of all parts with theirs. What
`config.json` says is small and kept in the spec: one file of weights may be read by more than one of them.
"""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.weights import sha256_of

WEIGHTS, INDEX, CONFIG, MODULES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "modules.json",
)


def need_library() -> None:
    """Raise EncoderError where transformers is not installed."""
    if find_spec("transformers") is None:
        raise EncoderError("hf: needs the transformers library, which is optional: pip install transformers")


def folder_of(argument: str) -> Path:
    """The folder that a name means: of this machine, else the hub's cache; raises WeightsMissing, WeightsRefused."""
    if not argument:
        raise WeightsMissing("Write hf:FOLDER, or hf:NAME for a model that was downloaded before.")
    folder = Path(argument)
    if not folder.is_dir():
        folder = _cached_folder(argument)
    folder = _of_sentence_transformers(folder)
    if not (folder / CONFIG).is_file():
        raise WeightsMissing(f"{folder} has no {CONFIG}: is this the folder of a transformers model?")
    if not (folder / WEIGHTS).is_file() and not (folder / INDEX).is_file():
        raise WeightsRefused(
            f"{folder} has neither {WEIGHTS} nor {INDEX}. Pickled weights may run code and are not read: load the "
            "model in transformers, where you trust it, and save it anew with save_pretrained(FOLDER)."
        )
    return folder


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The weights: one file, or the index and the parts that it names; raises WeightsMissing, WeightsRefused."""
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    names = part_names(folder / INDEX)
    for name in names:
        if not (folder / name).is_file():
            raise WeightsMissing(f"{folder} is not whole: {INDEX} names {name}, which is not there.")
    return (folder / INDEX, *(folder / name for name in names))


def part_names(index: Path) -> list[str]:
    """The files that an index names, in their order; raises WeightsRefused for what could lead out of the folder."""
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsRefused(f"{index} is not a list of the parts of a model: {error}.") from error
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise WeightsRefused(f"{index} names {name}; parts are .safetensors files beside it.")
    return names


def hash_of(files: tuple[Path, ...]) -> str:
    """SHA-256 (hex) of one file of weights, or over the hashes of an index and all of its parts."""
    hashes = [sha256_of(file) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def kept_files(weights: Path) -> tuple[Path, ...]:
    """The same files where they are kept under another stem: the index, and its parts by what follows `model`."""
    stem, _, rest = weights.name.partition(".")
    if not rest.endswith("index.json"):
        return (weights,)
    return (weights, *(weights.with_name(stem + name.removeprefix("model")) for name in part_names(weights)))


def read_config(folder: Path) -> dict[str, Any]:
    """What `config.json` says; raises WeightsRefused where it is none."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsRefused(f"{folder / CONFIG} cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise WeightsRefused(f"{folder / CONFIG} does not describe a model.")
    return config


def _of_sentence_transformers(folder: Path) -> Path:
    """The folder of the model inside one that sentence-transformers saved; the same folder for any other."""
    if (folder / CONFIG).is_file() or not (folder / MODULES).is_file():
        return folder
    try:
        modules = json.loads((folder / MODULES).read_text(encoding="utf-8"))
        inside = [folder / module["path"] for module in modules]
    except (OSError, ValueError, KeyError, TypeError):
        return folder
    return next((one for one in inside if (one / CONFIG).is_file() and folder in one.parents), folder)


def _cached_folder(name: str) -> Path:
    need_library()
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config_file = try_to_load_from_cache(name, CONFIG)
    except HFValidationError:
        config_file = None
    if not isinstance(config_file, str):
        raise WeightsMissing(
            f"There is no folder {name}, and no such model was downloaded before. With a network: hf download {name}. "
            "Without: bring its folder and write hf:FOLDER."
        )
    return Path(config_file).parent
