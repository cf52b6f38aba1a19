"""Registering encoders and accounting for embeddings."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import Embedding, EmbeddingModel, TrainedOn
from evalapp.core.errors import Conflict, InvalidInput
from models_registry.encoders.checkpoint import learnt_from_votes, trained_on
from models_registry.errors import EncoderError
from models_registry.registry import describe, files
from models_registry.spec import EncoderSpec

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def register_model(*, source: str, name: str, options: Mapping[str, str]) -> tuple[EmbeddingModel, bool]:
    """The encoder under `name`, and whether it is new; the same encoder under the same name may come again.

    The files it is made of are copied to the weights folder under their hash, so that the model stays what it is
    when the original is moved or written over. Raises InvalidInput for a bad name or source, Conflict if the name
    stands for another encoder.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is no name for a model; use up to 80 letters, digits, dots, dashes.")
    try:
        spec = describe(source, options=options)
    except EncoderError as error:
        raise InvalidInput(str(error)) from error
    originals = files(source)
    weights = _keep(originals, spec)
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
        known = EmbeddingModel.objects.get(name=name)
    if known.fingerprint != spec.fingerprint or _taps(known.spec) != _taps(spec.to_json()):
        raise Conflict(f"The name {name} is taken by another encoder ({known.source}); choose another name.")
    return known, False


def ensure_embedding(model: EmbeddingModel, tap: str, catalogue: Catalogue) -> Embedding:
    """The row that accounts for this model's vectors at this tap over this catalogue."""
    dimensions = EncoderSpec.from_json(model.spec).tap(tap).dim
    embedding, _ = Embedding.objects.get_or_create(
        model=model, tap=tap, catalogue=catalogue, defaults={"dimensions": dimensions}
    )
    return embedding


def count_vectors(embedding: Embedding, vectors: int) -> None:
    """Note how many of the catalogue's items have their vector."""
    Embedding.objects.filter(pk=embedding.pk).update(vectors=vectors, updated_at=timezone.now())


def _keep(originals: Sequence[Path], spec: EncoderSpec) -> str:
    """Copy the files into the weights folder, named by the hash; returns the main one's name, empty without files.

    What follows the main file's stem is kept (`net.npy`, `net.keys.txt`): encoders find sibling files by it.
    """
    if not originals or spec.weights_sha256 is None:
        return ""
    folder = Path(settings.WEIGHTS_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    stem = originals[0].stem
    names = [spec.weights_sha256 + file.name.removeprefix(stem) for file in originals]
    for file, name in zip(originals, names, strict=True):
        if not (folder / name).exists():
            draft = folder / f".{name}.part"
            shutil.copyfile(file, draft)
            draft.rename(folder / name)
    return names[0]


def _taps(spec: Mapping[str, object]) -> object:
    return spec["taps"]
