"""A trained encoder: a base network, frozen or tuned, and a head of a few layers over one of its taps.

    DIR/
        spec.json             the base encoder's spec, the head's layers, the taps, the SHA-256 of the other files
        head.safetensors      the head's tensors, named `<number of the layer>.<what>`
        backbone.safetensors  only where the base network itself was tuned: all of its weights, or, over a network of
                              transformers, those that were changed
        base.<suffix>         only in what was exported to be taken away: the base network's own file
        trained-on.txt        SHA-256 of every picture it was trained on, one to a line
        card.json             where it comes from: data, recipe, settings, measures, code version

A head over a frozen base is a function of the base's vectors (`apply_head`), so that where these are stored already no
picture has to be seen again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from models_registry import registry
from models_registry.encoders.encoder_base import Encoder, VectorLookup
from models_registry.encoders.encoder_choices import SHALLOW, without_choices
from models_registry.encoders.encoder_options import refuse_unknown
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.spec import EncoderSpec, Tap
from models_registry.weights import checked_file, sha256_of, weights_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from models_registry.encoders.encoder_base import Vectors
    from models_registry.spec import Box

    Tensors = Mapping[str, NDArray[np.float32]]

FORMAT = 1
_ROWS = 8
"""More at once, and BLAS sums a row otherwise by the place at which it stands."""
OVER_BASE = ("hf",)
"""Families of which a tuned checkpoint holds only the weights that were changed."""
PUBLISHED = ("vgg16.imagenet", "efficientnet-lite0")
"""Families that find their published weights themselves."""
SPEC, HEAD, BACKBONE, TRAINED_ON, CARD = (
    "spec.json",
    "head.safetensors",
    "backbone.safetensors",
    "trained-on.txt",
    "card.json",
)
LayerKind = Literal["centre", "linear", "relu", "batchnorm", "normalise", "guesses"]
TENSORS: dict[str, tuple[str, ...]] = {
    "centre": ("mean",),
    "linear": ("weight", "bias"),
    "relu": (),
    "batchnorm": ("scale", "shift"),
    "normalise": (),
    "guesses": ("weight", "bias"),
}
"""The tensors of each kind of layer: x - mean; x @ weight.T + bias; max(x, 0); x * scale + shift; x / |x|; x with the
probabilities softmax(x @ weight.T + bias) behind it."""


@dataclass(frozen=True, slots=True)
class HeadTap:
    """A named output: the vectors [n, dim] behind the first `after` layers of the head."""

    name: str
    dim: int
    after: int


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """The head: kinds of layers in order, and the taps. Its tensors are named `<number of the layer>.<what>`."""

    layers: tuple[LayerKind, ...]
    taps: tuple[HeadTap, ...]

    def tap_named(self, name: str | None) -> HeadTap:
        """The tap of this name, the last one for None; raises KeyError."""
        if name is None:
            return self.taps[-1]
        return next(tap for tap in self.taps if tap.name == name)


@dataclass(frozen=True, slots=True)
class CheckpointSpec:
    """What `spec.json` says. `files` maps the names of the files beside it to their SHA-256."""

    base: EncoderSpec
    base_tap: str
    head: HeadSpec
    files: Mapping[str, str]

    @property
    def is_tuned(self) -> bool:
        """Whether the base network's own weights were changed."""
        return BACKBONE in self.files

    @property
    def needs_base(self) -> bool:
        """Whether the base network's own file is needed beside what the checkpoint holds."""
        return not self.is_tuned or self.base.family in OVER_BASE

    def to_json(self) -> dict[str, Any]:
        """Plain values, the same for the same encoder wherever its files lie."""
        return {
            "format": FORMAT,
            "base": self.base.to_json(),
            "base_tap": self.base_tap,
            "layers": list(self.head.layers),
            "taps": [asdict(tap) for tap in self.head.taps],
            "files": dict(self.files),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> CheckpointSpec:
        """The spec that `to_json` wrote; raises ValueError for a format or a layer of another version."""
        if record["format"] != FORMAT:
            raise ValueError(f"format {record['format']}, and this version reads format {FORMAT}")
        unknown = [kind for kind in record["layers"] if kind not in get_args(LayerKind)]
        if unknown:
            raise ValueError(f"a layer {unknown[0]}, which this version does not know")
        return cls(
            EncoderSpec.from_json(record["base"]),
            record["base_tap"],
            HeadSpec(tuple(record["layers"]), tuple(HeadTap(**tap) for tap in record["taps"])),
            dict(record["files"]),
        )


def apply_head(
    head: HeadSpec, tensors: Tensors, base_vectors: NDArray[np.float32], *, tap: str | None = None
) -> NDArray[np.float32]:
    """The vectors [n, dim] at a tap (the last one where None) from the base network's vectors [n, d], float32.

    Rows go through _ROWS at a time, the last ones filled up: a vector must not depend on which pictures came along.
    """
    rows = np.asarray(base_vectors, dtype=np.float32)
    out = np.empty((len(rows), head.tap_named(tap).dim), dtype=np.float32)
    for start in range(0, len(rows), _ROWS):
        vectors = rows[start : start + _ROWS]
        count = len(vectors)
        if count < _ROWS:
            vectors = np.concatenate([vectors, np.zeros((_ROWS - count, rows.shape[1]), dtype=np.float32)])
        for number, kind in enumerate(head.layers[: head.tap_named(tap).after]):
            vectors = _apply_layer(kind, [tensors[f"{number}.{what}"] for what in TENSORS[kind]], vectors)
        out[start : start + count] = vectors[:count]
    return out


def chain_heads(
    first: HeadSpec, first_tensors: Tensors, tap: str, then: HeadSpec, then_tensors: Tensors
) -> tuple[HeadSpec, dict[str, NDArray[np.float32]]]:
    """One head that does what `first` does up to its tap and `then` after it."""
    layers_kept = first.tap_named(tap).after
    tensors = {name: values for name, values in first_tensors.items() if int(name.partition(".")[0]) < layers_kept}
    for name, values in then_tensors.items():
        number, _, what = name.partition(".")
        tensors[f"{int(number) + layers_kept}.{what}"] = values
    taps = tuple(replace(entry, after=entry.after + layers_kept) for entry in then.taps)
    return HeadSpec((*first.layers[:layers_kept], *then.layers), taps), tensors


def write_checkpoint(
    folder: Path,
    *,
    base: EncoderSpec,
    base_tap: str,
    head: HeadSpec,
    tensors: Tensors,
    backbone: Tensors | None = None,
    card: Mapping[str, Any] | None = None,
    trained_on: Sequence[str] = (),
) -> CheckpointSpec:
    """Write an encoder's folder; `spec.json` comes last, so that a folder with one is whole."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / SPEC).unlink(missing_ok=True)
    if backbone is not None:
        base = without_choices(base)
    named = {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in tensors.items()}
    save_file(named, folder / HEAD)
    names = [HEAD]
    if backbone is not None:
        save_file({name: np.asarray(values, order="C") for name, values in backbone.items()}, folder / BACKBONE)
        names.append(BACKBONE)
    (folder / TRAINED_ON).write_text("".join(f"{sha256}\n" for sha256 in sorted(set(trained_on))), encoding="ascii")
    (folder / CARD).write_text(json.dumps(dict(card or {}), indent=1) + "\n", encoding="utf-8")
    files = {name: sha256_of(folder / name) for name in names}
    spec = CheckpointSpec(replace(base, source=_source_without_folder(base.source)), base_tap, head, files)
    draft = folder / f".{SPEC}"
    draft.write_text(json.dumps(spec.to_json(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(folder / SPEC)
    return spec


def read_checkpoint(path: Path) -> CheckpointSpec:
    """What the `spec.json` at `path` says; raises EncoderError where it is none."""
    try:
        return CheckpointSpec.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{path} does not describe a trained encoder: {error}.") from error


def read_head(path: Path, spec: CheckpointSpec) -> dict[str, NDArray[np.float32]]:
    """The head's tensors, their file's hash checked; `path` is that of the spec."""
    return read_tensors(checked_file(checkpoint_file(path, HEAD), spec.files[HEAD]))


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a safetensors file; raises WeightsRefused for anything else and for NaN or infinity."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsRefused(f"{path} is not a safetensors file: {error}.") from error
    for name, values in tensors.items():
        if not np.isfinite(values).all():
            raise WeightsRefused(f"{path}: {name} holds NaN or infinity, so its vectors would mean nothing.")
    return tensors


def trained_on(path: Path) -> list[str]:
    """SHA-256 of the pictures that the checkpoint with this `spec.json` was trained on; empty where it does not say."""
    file = checkpoint_file(path, TRAINED_ON)
    return file.read_text(encoding="ascii").split() if file.is_file() else []


def learnt_from_votes(path: Path) -> bool:
    """Whether the checkpoint with this `spec.json` was trained on what people said, not on labels: its card says so."""
    file = checkpoint_file(path, CARD)
    return file.is_file() and "learnt_from" in json.loads(file.read_text(encoding="utf-8"))


def checkpoint_file(path: Path, name: str) -> Path:
    """A file of the same checkpoint: in its own folder, or in a common one where names begin with the spec's hash."""
    return path.with_name(name) if path.name == SPEC else path.with_name(path.stem + name)


class Checkpoint:
    """`checkpoint:DIR`; no options: everything is written in its `spec.json`."""

    version = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        path = _spec_file(argument)
        spec = read_checkpoint(path)
        others = [TRAINED_ON, CARD, *sorted(file.name for file in path.parent.glob("base*"))]
        file_names = [*spec.files, *(name for name in others if (path.parent / name).is_file())]
        for name in spec.files:
            if not (path.parent / name).is_file():
                raise WeightsMissing(f"{path.parent} is not whole: {name} is missing.")
        return (path, *(path.parent / name for name in file_names))

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ())
        path = _spec_file(argument)
        spec = read_checkpoint(path)
        _check_tensors(path, spec)
        return EncoderSpec(
            family="checkpoint",
            version=self.version,
            source=source,
            taps=tuple(Tap(tap.name, tap.dim) for tap in spec.head.taps),
            preprocess=spec.base.preprocess,
            weights_sha256=sha256_of(path),
            # Where vectors of the base are stored already, the head's follow from them.
            options={"base": spec.base.fingerprint, "base_tap": spec.base_tap, "tuned": spec.is_tuned},
            reads=spec.base.reads,
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder | VectorLookup:
        path = checked_file(weights or _spec_file(spec.source.partition(":")[2]), spec.weights_sha256)
        checkpoint = read_checkpoint(path)
        tensors = read_head(path, checkpoint)
        base = load_base(path, checkpoint, device)
        if isinstance(base, VectorLookup):
            return HeadedLookup(spec, base, checkpoint, tensors)
        return HeadedEncoder(spec, base, checkpoint, tensors)


class HeadedEncoder(Encoder):
    """The base network and the head behind it."""

    def __init__(self, spec: EncoderSpec, base: Encoder, checkpoint: CheckpointSpec, tensors: Tensors) -> None:
        super().__init__(spec)
        self._base = base
        self._checkpoint = checkpoint
        self._tensors = tensors
        self.pass_size, self.on_device, self.takes_pixels = base.pass_size, base.on_device, base.takes_pixels

    @property
    def prepares_by_rules(self) -> bool:
        return self._base.prepares_by_rules and self._base.spec.preprocess == self.spec.preprocess

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self._base.input_shape

    def prepare(self, out: NDArray[np.float32], image: Image.Image, box: Box | None) -> None:
        self._base.prepare(out, image, box)

    def set_threads(self, threads: int) -> None:
        super().set_threads(threads)
        self._base.set_threads(threads)

    def _forward_batch(self, batch: NDArray[np.float32], taps: Sequence[str]) -> Vectors:
        tap = self._checkpoint.base_tap
        vectors = self._base.encode(batch, [tap])[tap]
        return {name: apply_head(self._checkpoint.head, self._tensors, vectors, tap=name) for name in taps}


class HeadedLookup(VectorLookup):
    """A head over vectors that were computed elsewhere."""

    def __init__(self, spec: EncoderSpec, base: VectorLookup, checkpoint: CheckpointSpec, tensors: Tensors) -> None:
        super().__init__(spec)
        self._base = base
        self._head = checkpoint.head
        self._tensors = tensors

    def find_vectors(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
        vectors, missing = self._base.find_vectors(keys)
        return apply_head(self._head, self._tensors, vectors), missing


def load_base(path: Path, checkpoint: CheckpointSpec, device: str) -> Encoder | VectorLookup:
    """The base encoder of the checkpoint with this `spec.json`, its own tuned weights in it where it has some."""
    base = with_tap(checkpoint.base, checkpoint.base_tap)
    if checkpoint.is_tuned:
        from models_registry.encoders.tunable_networks import filled_as_trained, torch_encoder

        own = checked_file(checkpoint_file(path, BACKBONE), checkpoint.files[BACKBONE])
        under = base_file(path, base) if checkpoint.needs_base else None
        return torch_encoder(base, filled_as_trained(base, own, under), device)
    return registry.load(base, weights=base_file(path, base), device=device)


def base_file(path: Path, base: EncoderSpec) -> Path | None:
    """The base network's own file, found by its hash: beside the checkpoint, or where weights are kept.

    None where the base has no file, or one that its family finds itself.
    """
    if base.weights_sha256 is None:
        return None
    sha256 = base.weights_sha256
    for folder in (path.parent, weights_directory()):
        for file in sorted(folder.glob(f"{sha256}.*"), key=_main_first):
            if file.suffix not in {".txt", ".part"}:
                return file
    pattern = "base.*" if path.name == SPEC else f"{path.stem}base.*"
    exported_files = [
        file for file in sorted(path.parent.glob(pattern), key=_main_first) if not file.name.endswith(".txt")
    ]
    if exported_files:
        return exported_files[0]
    if base.family in PUBLISHED:
        return None  # the published file, found and checked by its family
    raise WeightsMissing(
        f"The {base.family} network under this checkpoint is not on this machine (SHA-256 {sha256[:12]}…). "
        "Register it with register_model, or take the checkpoint along with its base (checkpoint --output)."
    )


def _main_first(file: Path) -> tuple[bool, str]:
    """An ONNX network before the files in which it keeps weights."""
    return file.suffix != ".onnx", file.name


def with_tap(spec: EncoderSpec, name: str) -> EncoderSpec:
    """The spec with this tap alone, which may be one that was not chosen when the encoder was registered."""
    tap = registry.with_every_tap(spec).tap_named(name)
    return replace(spec, taps=(replace(tap, dim=tap.dim + int(spec.options.get(SHALLOW, 0))),))


def _apply_layer(kind: LayerKind, tensors: list[NDArray[np.float32]], x: NDArray[np.float32]) -> NDArray[np.float32]:
    if kind == "linear":
        return np.asarray(x @ tensors[0].T + tensors[1], dtype=np.float32)
    if kind == "centre":
        return np.asarray(x - tensors[0], dtype=np.float32)
    if kind == "batchnorm":
        return np.asarray(x * tensors[0] + tensors[1], dtype=np.float32)
    if kind == "relu":
        return np.maximum(x, np.float32(0))
    if kind == "guesses":
        scores = x @ tensors[0].T + tensors[1]
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(np.concatenate([x, raised / raised.sum(axis=1, keepdims=True)], axis=1), dtype=np.float32)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)


def _check_tensors(path: Path, spec: CheckpointSpec) -> None:
    """Raise unless every layer has its tensors and they fit one behind the other."""
    tensors = read_head(path, spec)
    try:
        width = with_tap(spec.base, spec.base_tap).taps[0].dim
        zeros = np.zeros((1, width), dtype=np.float32)
        for tap in spec.head.taps:
            dim = apply_head(spec.head, tensors, zeros, tap=tap.name).shape[1]
            if dim != tap.dim:
                raise WeightsRefused(f"{path.parent}: the tap {tap.name} gives {dim} numbers, not {tap.dim}.")
    except (KeyError, ValueError) as error:
        raise WeightsRefused(f"{path.parent}: the head's layers and its tensors do not fit ({error}).") from error


def _spec_file(argument: str) -> Path:
    folder = Path(argument)
    if not argument or not (folder / SPEC).is_file():
        raise WeightsMissing(f"There is no trained encoder (a folder with {SPEC}) at {argument or 'nothing'}.")
    return folder / SPEC


def _source_without_folder(source: str) -> str:
    """The source without where its file lay: the same encoder has the same description everywhere."""
    family, colon, argument = source.partition(":")
    return f"{family}:{Path(argument).name}" if colon and family in {"onnx", "vectors", *PUBLISHED} else source


FAMILY = Checkpoint()
