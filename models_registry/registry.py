"""The encoders by name. A family is one file; it is imported when it is used, not when the list is read."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

from models_registry.encoders.encoder_choices import part_choices, with_choices
from models_registry.encoders.foreign_files import way_to_convert
from models_registry.errors import DuplicateFamily, EncoderError, UnknownFamily

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models_registry.encoders.encoder_base import Encoder, Family, VectorLookup
    from models_registry.spec import EncoderSpec, Tap


@dataclass(frozen=True, slots=True)
class FamilyEntry:
    """A line of the list: how the source is written, where the code is (`module:NAME`), what it is for."""

    name: str
    usage: str
    code: str
    summary: str


FAMILIES: dict[str, FamilyEntry] = {}


def register_family(name: str, code: str, summary: str, *, usage: str | None = None) -> None:
    """Add a family under a name that is still free; raises DuplicateFamily otherwise."""
    if name in FAMILIES:
        raise DuplicateFamily(f"There is already an encoder called {name} ({FAMILIES[name].code}).")
    FAMILIES[name] = FamilyEntry(name, usage or name, code, summary)


def list_families() -> list[FamilyEntry]:
    """Every family, in the order of registration, with one line on each."""
    return list(FAMILIES.values())


def describe(source: str, *, options: Mapping[str, str] | None = None) -> EncoderSpec:
    """The record of the encoder that a source such as `onnx:net.onnx` means.

    Reads the files it names: input size, outputs, hash. Raises EncoderError with one line on what is wrong.
    """
    name, _, argument = source.partition(":")
    if name not in FAMILIES or name == "onnx":
        way = way_to_convert(argument or name)
        if way is not None:
            raise UnknownFamily(way)
    family = _find_family(name)
    chosen, family_options = part_choices(options or {})
    return with_choices(family.describe(source, argument, family_options), chosen, family)


def files(source: str) -> tuple[Path, ...]:
    """The files that a source is made of, the main one first: what a caller copies to keep it."""
    name, _, argument = source.partition(":")
    return _find_family(name).files(argument)


def load(spec: EncoderSpec, *, weights: Path | None = None, device: str = "auto") -> Encoder | VectorLookup:
    """The encoder of a record: an Encoder where the spec reads pictures, a VectorLookup where it reads keys.

    `weights` is the caller's own copy of the main file; its hash is checked against the record. Raises
    EncoderError.
    """
    family = _find_family(spec.family)
    if family.version != spec.version:
        raise EncoderError(
            f"{spec.source} was registered with version {spec.version} of {spec.family}; "
            f"this is version {family.version}, which gives other vectors. Register it anew."
        )
    return family.load(spec, weights, device)


def with_every_tap(spec: EncoderSpec) -> EncoderSpec:
    """The spec with every tap that its family offers, also those not chosen when it was registered.

    Which taps there are changes no vector. Training starts from layers that nobody compares pictures by.
    """
    every: tuple[Tap, ...] = getattr(_find_family(spec.family), "every_tap", ())
    names = {tap.name for tap in spec.taps}
    return replace(spec, taps=(*spec.taps, *(tap for tap in every if tap.name not in names)))


def blocks_of(spec: EncoderSpec) -> Mapping[str, tuple[int, int]]:
    """The blocks of an encoder's vector that mean different things, each with its first component and the one after
    its last; empty where the vector is of one kind. What is learnt from people may weigh them apart."""
    blocks: Mapping[str, tuple[int, int]] = getattr(_find_family(spec.family), "blocks", {})
    return blocks


def _find_family(name: str) -> Family:
    entry = FAMILIES.get(name)
    if entry is None:
        near = difflib.get_close_matches(name, FAMILIES, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(FAMILIES)}."
        raise UnknownFamily(f"There is no encoder called {name or 'nothing at all'}. {hint}")
    module, _, attribute = entry.code.partition(":")
    return cast("Family", getattr(import_module(module), attribute))


_HERE = "models_registry.encoders"
register_family(
    "vgg16.imagenet", f"{_HERE}.vgg.vgg16:IMAGENET", "VGG16 with the published ImageNet weights; taps fc6, fc7"
)
register_family("vgg16.random", f"{_HERE}.vgg.vgg16:RANDOM", "VGG16 with random weights: what the layout alone gives")
register_family(
    "efficientnet-lite0",
    f"{_HERE}.efficientnet.efficientnet_lite0:FAMILY",
    "a small network with published ImageNet weights, which come along; taps embedding, features, logits",
)
register_family(
    "tiny-vgg", f"{_HERE}.vgg.tiny_vgg:FAMILY", "a small random VGG, seconds for hundreds of pictures; taps fc6, fc7"
)
register_family(
    "colour-histogram",
    f"{_HERE}.descriptions.colour_histogram:FAMILY",
    "colours, where they are, and edges; no weights",
)
register_family("surface", f"{_HERE}.descriptions.surface:FAMILY", "colours and texture of the middle; no weights")
register_family(
    "appearance",
    f"{_HERE}.descriptions.appearance:FAMILY",
    "tone, spread, roughness and detail of the middle, each alike at several widths; no weights",
)
register_family("onnx", f"{_HERE}.onnx.onnx_file:FAMILY", "any ONNX network that reads pictures", usage="onnx:FILE")
register_family(
    "hf", f"{_HERE}.hf.hf_model:FAMILY", "vision models of transformers, which is optional", usage="hf:NAME"
)
register_family("timm", f"{_HERE}.timm_model:FAMILY", "networks of timm, optional with torchvision", usage="timm:NAME")
register_family(
    "vectors",
    f"{_HERE}.vectors.vector_file:FAMILY",
    "vectors computed elsewhere, found by key (npy, npz or parquet)",
    usage="vectors:FILE",
)
register_family(
    "checkpoint", f"{_HERE}.checkpoint:FAMILY", "an encoder that was trained here or elsewhere", usage="checkpoint:DIR"
)
register_family("joint", f"{_HERE}.joint_encoder:FAMILY", "several encoders' vectors side by side", usage="joint:FILE")
