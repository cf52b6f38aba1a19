"""Recipes by name: what they learn from, how they are set, what comes out.

The list can be read without the libraries that training needs: a recipe's settings are a plain dataclass in a module
of their own, and its code is imported when a run begins.
"""

from __future__ import annotations

import difflib
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args, get_origin

from models_registry.errors import DuplicateFamily
from models_registry.training.common.training_errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

LearnsFrom = Literal["labels", "votes"]
PLAIN_TORCH = ("efficientnet-lite0", "tiny-vgg", "vgg16.imagenet", "vgg16.random")
"""Families of networks that are written out here, layer by layer."""
TUNABLE = (*PLAIN_TORCH, "hf")
"""Families of encoders whose own weights can learn here."""


@dataclass(frozen=True, slots=True)
class RecipeConfig:
    """What every recipe can be told. Recipes add fields of their own; all are plain numbers, words and flags."""

    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a number that no recipe can use, whatever it is called."""
        for setting in fields(self):
            name, value = setting.name, getattr(self, setting.name)
            if not isinstance(value, int | float):
                continue
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number.")
            if value < 0:
                raise ValueError(f"{name} must be at least 0.")
            if name in _BELOW_ONE and value >= 1:
                raise ValueError(f"{name} must be below 1.")
            if name == "augment" and value > 1:
                raise ValueError("augment must be at most 1.")


_BELOW_ONE = frozenset({"warmup", "average", "dropout"})
"""Shares of which something must be left."""


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One epoch of one part of a run.

    `part` names what is trained where a recipe trains several things (`multi-task` its tasks), else is empty.
    `values` are finite numbers by name: `loss`, `validation_loss`, `recall_at_1` …. `points` are places in -1..1
    [n, 2] of the same validation pictures, given by `point_keys`, epoch after epoch: clusters can be watched forming.
    """

    part: str
    epoch: int
    epochs: int
    values: Mapping[str, float]
    points: tuple[tuple[float, float], ...] = ()
    point_keys: tuple[str, ...] = ()


OnProgress = Callable[[EpochReport], None]
"""Called after every epoch, also for those that a resumed run read back. What it raises stops the run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`encoder_dir` is a checkpoint that `checkpoint:DIR` registers; `metrics` and `card` are JSON-able."""

    encoder_dir: Path
    metrics: dict[str, Any]
    card: dict[str, Any] = field(default_factory=dict)


class Recipe(Protocol):
    """A way to make a new encoder. One instance per recipe, named in the registry.

    `data` is what the recipe's kind of source gives (`LabelledPictures` for labels); `config` is an instance of the
    dataclass that the registry names for it.
    """

    def check(self, data: Any, config: Any) -> None:
        """Raise TrainingError, before anything is computed, where this data cannot be learnt from."""
        ...

    def run(self, data: Any, config: Any, workdir: Path, *, on_progress: OnProgress, resume: bool) -> Outcome:
        """Train, measure and write the encoder into a folder of `workdir`.

        With `resume` a run goes on from the last checkpoint in `workdir`, to the same result as one that was never
        disturbed; without, what lies there is begun anew. Raises TrainingError.
        """
        ...


@dataclass(frozen=True, slots=True)
class RecipeEntry:
    """A line of the list. `code` and `config` are `module:NAME`; only `config` is safe to import anywhere.

    `starts_from` are the families of encoders that it can start from, all if it names none.
    """

    name: str
    code: str
    config: str
    summary: str
    learns_from: LearnsFrom = "labels"
    makes_encoder: bool = True
    starts_from: tuple[str, ...] = ()

    def load_recipe(self) -> Recipe:
        """The recipe itself; imports what it trains with."""
        return cast("Recipe", _import_attribute(self.code))

    def config_type(self) -> type[RecipeConfig]:
        """The dataclass of its settings."""
        return cast("type[RecipeConfig]", _import_attribute(self.config))


_RECIPES: dict[str, RecipeEntry] = {}


def register_recipe(
    name: str,
    code: str,
    config: str,
    summary: str,
    *,
    learns_from: LearnsFrom = "labels",
    makes_encoder: bool = True,
    starts_from: tuple[str, ...] = (),
) -> None:
    """Add a recipe under a name that is still free; raises DuplicateFamily otherwise."""
    if name in _RECIPES:
        raise DuplicateFamily(f"There is already a recipe called {name} ({_RECIPES[name].code}).")
    _RECIPES[name] = RecipeEntry(name, code, config, summary, learns_from, makes_encoder, starts_from)


def list_recipes(learns_from: LearnsFrom | None = None) -> list[RecipeEntry]:
    """Every recipe, in the order of registration; only those that learn from labels or votes if told so."""
    return [entry for entry in _RECIPES.values() if learns_from in (None, entry.learns_from)]


def recipe_named(name: str, learns_from: LearnsFrom | None = None) -> RecipeEntry:
    """The recipe; raises TrainingError naming those that are near or there."""
    names = [entry.name for entry in list_recipes(learns_from)]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(names)}."
        raise TrainingError(f"There is no recipe called {name or 'nothing at all'}. {hint}")
    return _RECIPES[name]


def configure_recipe(config: type[RecipeConfig], settings: Mapping[str, Any]) -> RecipeConfig:
    """The settings with those replaced that are given, as words (`--set margin=0.2`) or as JSON values.

    Raises TrainingError for a name that the recipe does not have and for a value that cannot be.
    """
    types = typing.get_type_hints(config)
    setting_types = {entry.name: types[entry.name] for entry in fields(config)}
    values: dict[str, Any] = {}
    for name, value in settings.items():
        setting = name.replace("-", "_")
        if setting not in setting_types:
            raise TrainingError(f"There is no setting {name}; there are {', '.join(sorted(setting_types))}.")
        values[setting] = _convert_setting(name, value, setting_types[setting])
    try:
        return replace(config(), **values)
    except ValueError as error:
        raise TrainingError(str(error)) from error


def _convert_setting(name: str, value: Any, kind: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise TrainingError(f"{name} must be one of {', '.join(map(str, get_args(kind)))}, not {value}.")
        return value
    try:
        if kind is bool:
            return _parse_flag(value)
        if kind in (int, float):
            return _parse_number(value, kind)
        if get_origin(kind) is tuple:
            parts = str(value).split(",") if isinstance(value, str) else list(value)
            return tuple(str(part).strip() for part in parts if str(part).strip())
        return str(value)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        kinds = {int: "a whole number", float: "a number", bool: "yes or no"}
        raise TrainingError(f"{name} must be {kinds.get(kind, kind)}, not {value!r}.") from error


def _parse_number(value: Any, kind: type[int] | type[float]) -> int | float:
    number = kind(value)
    if float(value) != number:
        raise ValueError(value)
    return number


def _parse_flag(value: Any) -> bool:
    return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[str(value).lower()]


def _import_attribute(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


_HERE = "models_registry.training"
register_recipe(
    "retrain",
    f"{_HERE}.labels.recipes.retrain:RECIPE",
    f"{_HERE}.labels.label_configs:RetrainConfig",
    "a new hidden layer over frozen features, trained to tell the categories apart",
)
register_recipe(
    "triplet",
    f"{_HERE}.labels.recipes.triplet:RECIPE",
    f"{_HERE}.labels.label_configs:TripletConfig",
    "a projection that pulls one product (or category) together, from pictures of one domain to another too",
)
register_recipe(
    "deep-ranking",
    f"{_HERE}.labels.recipes.deep_ranking:RECIPE",
    f"{_HERE}.labels.label_configs:DeepRankingConfig",
    "two dense layers and a Euclidean hinge, close negatives mined anew every round",
)
register_recipe(
    "multi-level",
    f"{_HERE}.labels.recipes.multi_level:RECIPE",
    f"{_HERE}.labels.label_configs:MultiLevelConfig",
    "from the pixels, by levels of shared attributes, beside a baseline that knows one attribute",
)
register_recipe(
    "multi-task",
    f"{_HERE}.labels.recipes.multi_task:RECIPE",
    f"{_HERE}.labels.label_configs:MultiTaskConfig",
    "from the pixels, by attributes, triplets and a variational autoencoder, together and each alone",
)
register_recipe(
    "post",
    f"{_HERE}.labels.recipes.post:RECIPE",
    f"{_HERE}.labels.label_configs:PostConfig",
    "nothing is trained: vectors centred, whitened or in fewer directions, at length 1",
)
_VOTES = f"{_HERE}.votes"
register_recipe(
    "calibrate",
    f"{_VOTES}.recipes.calibrate:RECIPE",
    f"{_VOTES}.vote_configs:CalibrateConfig",
    "how likely people are to like an answer, from its distance, for every registered embedding; makes no encoder",
    learns_from="votes",
    makes_encoder=False,
)
register_recipe(
    "adapter",
    f"{_VOTES}.recipes.adapter:RECIPE",
    f"{_VOTES}.vote_configs:AdapterConfig",
    "a linear map on frozen vectors, pulled to where it starts; the usual way to learn from votes",
    learns_from="votes",
)
register_recipe(
    "vote-triplets",
    f"{_VOTES}.recipes.vote_triplets:RECIPE",
    f"{_VOTES}.vote_configs:VoteTripletsConfig",
    "liked against noped candidates of the same query, with labels replayed",
    learns_from="votes",
)
register_recipe(
    "taste",
    f"{_VOTES}.recipes.taste:RECIPE",
    f"{_VOTES}.vote_configs:TasteConfig",
    "one map for everybody and a small, strongly held offset for each voter with enough votes",
    learns_from="votes",
)
register_recipe(
    "fine-tune",
    f"{_VOTES}.recipes.fine_tune:RECIPE",
    f"{_VOTES}.vote_configs:FineTuneConfig",
    "the last block of a network goes on from where the adapter ends, from the pictures; wants a GPU",
    learns_from="votes",
    starts_from=TUNABLE,
)
