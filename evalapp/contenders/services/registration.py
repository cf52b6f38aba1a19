"""Registering encoders and accounting for embeddings."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import Embedding, EmbeddingModel, TrainedOn
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.services.deeds import recorded
from models_registry.encoders.checkpoint import learnt_from_votes, trained_on
from models_registry.errors import EncoderError
from models_registry.registry import describe, files
from models_registry.spec import EncoderSpec

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@recorded("registered", "model {name}", "{source}")
def register_model(
    *, source: str, name: str, options: Mapping[str, str], called: str = ""
) -> tuple[EmbeddingModel, bool]:
    """The encoder under `name`, and whether it is new; the same encoder under the same name may come again.

    The files it is made of are copied to the weights folder under their hash, so that the model stays what it is
    when the original is moved or written over; `called` is what people are told instead of where those lay. Raises
    InvalidInput for a bad name or source, Conflict if the name stands for another encoder.
    """
    check_model_name(name)
    spec, originals = _describe_source(source, options)
    weights = keep_files(originals, spec.weights_sha256) if spec.weights_sha256 else ""
    if called:
        source, spec = called, replace(spec, source=called)
    try:
        with transaction.atomic():
            model = EmbeddingModel.objects.create(
                name=name, source=source, spec=spec.to_json(), fingerprint=spec.fingerprint, weights=weights
            )
            if spec.family == "checkpoint":
                TrainedOn.objects.create(
                    model=model, pictures=trained_on(originals[0]), votes=learnt_from_votes(originals[0])
                )
            return model, True
    except IntegrityError:
        existing = EmbeddingModel.objects.get(name=name)
    if existing.fingerprint != spec.fingerprint or existing.spec["taps"] != spec.to_json()["taps"]:
        raise Conflict(f"The name {name} is taken by another encoder ({existing.source}); choose another name.")
    return existing, False


def check_model_name(name: str) -> None:
    """Raises InvalidInput, with the field, for what is no name of a model."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name for a model; use up to 80 letters, digits, dots, dashes.",
            fields={"name": ["Up to 80 letters, digits, dots, dashes."]},
        )


@recorded("changed", "model {model}", "reads pictures by {options}")
def change_preprocessing(model: EmbeddingModel, options: Mapping[str, str]) -> EmbeddingModel:
    """Read pictures in another way from now on, before anything was made with the model.

    Raises Conflict once it has vectors over a catalogue: those would be another encoder's, which needs another name.
    Raises InvalidInput for options that the encoder does not have.
    """
    with transaction.atomic():
        locked = EmbeddingModel.objects.select_for_update().get(pk=model.pk)
        if locked.embeddings.exists():
            raise Conflict(f"{locked} was used already and stays what it is: register it anew under another name.")
        spec, _ = _describe_source(_source_again(locked), options)
        locked.spec = replace(spec, source=locked.source).to_json()
        locked.fingerprint = spec.fingerprint
        locked.save(update_fields=["spec", "fingerprint"])
    return locked


def _source_again(model: EmbeddingModel) -> str:
    """A source that leads to our own copy of the model's files."""
    if not model.weights:
        return model.source
    path = Path(settings.WEIGHTS_DIR) / model.weights
    family = model.spec["family"]
    return f"{family}:{model.spec['options']['name']}={path}" if family == "timm" else f"{family}:{path}"


def _describe_source(source: str, options: Mapping[str, str]) -> tuple[EncoderSpec, Sequence[Path]]:
    try:
        return describe(source, options=options), files(source)
    except EncoderError as error:
        raise InvalidInput(str(error)) from error


def ensure_embedding(model: EmbeddingModel, tap: str, catalogue: Catalogue) -> Embedding:
    """The row that accounts for this model's vectors at this tap over this catalogue."""
    dimensions = next(entry["dim"] for entry in model.spec["taps"] if entry["name"] == tap)
    embedding, _ = Embedding.objects.get_or_create(
        model=model, tap=tap, catalogue=catalogue, defaults={"dimensions": dimensions}
    )
    return embedding


def count_vectors(embedding: Embedding, vectors: int) -> None:
    """Note how many of the catalogue's items have their vector."""
    Embedding.objects.filter(pk=embedding.pk).update(vectors=vectors, updated_at=timezone.now())


def check_name(name: str, what: str) -> None:
    """Raise InvalidInput for a name that cannot stand in commands and addresses."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is no name for a {what}; use up to 80 letters, digits, dots, dashes.")


def keep_files(originals: Sequence[Path], sha256: str) -> str:
    """Copy the files into the weights folder, named by the hash; returns the main one's name, empty without files.

    What follows the main file's stem is kept (`net.npy`, `net.keys.txt`): encoders find sibling files by it.
    """
    if not originals:
        return ""
    folder = Path(settings.WEIGHTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    stem = originals[0].name.partition(".")[0]
    names = [sha256 + file.name.removeprefix(stem) for file in originals]
    for file, name in zip(originals, names, strict=True):
        if not (folder / name).exists():
            # A name of its own: the same network may be registered by two processes at once.
            handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{name[:80]}-", suffix=".part")
            os.close(handle)
            shutil.copyfile(file, draft)
            Path(draft).chmod(0o644)
            Path(draft).rename(folder / name)
    return names[0]
