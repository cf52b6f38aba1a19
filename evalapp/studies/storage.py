"""What the stored vectors are needed for, and what nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from evalapp.contenders import sharing
from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.pipeline import contents
from evalapp.studies.models import Contender, Gallery, Query
from models_registry.store import TapStore, VectorStore


@dataclass(frozen=True, slots=True)
class Holding:
    """The vectors of one encoder at one tap: where, how many and how large, and which studies need them."""

    model: str
    tap: str
    fingerprint: str
    vectors: int
    dtypes: list[str]
    bytes: int
    studies: list[str]


def holdings() -> list[Holding]:
    """All that is stored, the largest first. The model is empty where none is registered for the vectors."""
    found = [_holding(*entry) for entry in _store().taps()]
    return sorted(found, key=lambda one: (-one.bytes, one.model, one.tap))


def prune() -> list[tuple[Holding, int]]:
    """Delete the shards of which no study needs a vector; what is gone, by tap, with its bytes.

    A study needs the vectors of its gallery and queries at its contenders' taps. What is deleted can be computed again.
    """
    return [(_holding(*entry), freed) for entry in _store().taps() if (freed := _prune(*entry))]


def broken() -> list[tuple[str, str]]:
    """Shards whose checksums differ, and how. Reads everything."""
    return [(str(shard.path), shard.reason) for _, _, tap in _store().taps() for shard in tap.verify()]


def _store() -> VectorStore:
    return VectorStore(Path(settings.EMBEDDINGS_DIR))


def _holding(fingerprint: str, tap: str, store: TapStore) -> Holding:
    models = EmbeddingModel.objects.filter(fingerprint=fingerprint).order_by("name").values_list("name", flat=True)
    return Holding(
        model=", ".join(models),
        tap=tap,
        fingerprint=fingerprint,
        vectors=store.count,
        dtypes=store.dtypes,
        bytes=store.size,
        studies=sorted(set(_contenders(fingerprint, tap).values_list("study__slug", flat=True))),
    )


def _contenders(fingerprint: str, tap: str) -> QuerySet[Contender]:
    return Contender.objects.filter(embedding__model__fingerprint=fingerprint, embedding__tap=tap).order_by()


def _prune(fingerprint: str, tap: str, store: TapStore) -> int:
    before = store.size
    for shard in store.remove_unneeded(set(_needed(fingerprint, tap))):
        sharing.withdraw(shard)
    return before - store.size


def _needed(fingerprint: str, tap: str) -> Iterator[bytes]:
    model = EmbeddingModel.objects.filter(fingerprint=fingerprint).first()
    if model is None:
        return
    for study in _contenders(fingerprint, tap).values_list("study", flat=True).distinct():
        items = set(Gallery.objects.values_list("items", flat=True).get(study=study))
        items.update(Query.objects.filter(study=study).values_list("item_id", flat=True))
        for content in contents(model, items):
            yield content.key
