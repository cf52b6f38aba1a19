"""What the stored vectors are needed for, and what nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from evalapp.contenders.domain import remote_shards
from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.pipeline.embeddings import contents
from evalapp.contenders.queries.vector_references import Need, all_needs
from evalapp.core.services.deeds import recorded
from models_registry.store import TapStore, VectorStore


@dataclass(frozen=True, slots=True)
class Holding:
    """The vectors of one encoder at one tap: where, how many and how large, and who needs them."""

    model: str
    tap: str
    fingerprint: str
    vectors: int
    dtypes: list[str]
    bytes: int
    needed_by: list[str]


def list_holdings() -> list[Holding]:
    """All that is stored, the largest first. The model is empty where none is registered for the vectors."""
    all_holdings = [_describe_holding(*entry) for entry in _open_store().taps()]
    return sorted(all_holdings, key=lambda one: (-one.bytes, one.model, one.tap))


@recorded(
    "deleted vectors",
    "vectors",
    lambda arguments: f"{sum(freed for _, freed in arguments['result']):,} bytes",
    piecewise=True,
)
def prune_vectors() -> list[tuple[Holding, int]]:
    """Delete the shards of which nobody needs a vector (see `all_needs`); what is gone, by tap, with its bytes.

    What is deleted can be computed again.
    """
    return [(_describe_holding(*entry), freed) for entry in _open_store().taps() if (freed := _prune_tap(*entry))]


def broken_shards() -> list[tuple[str, str]]:
    """Shards whose checksums differ, and how. Reads everything."""
    return [(str(shard.path), shard.reason) for _, _, tap in _open_store().taps() for shard in tap.verify()]


def _open_store() -> VectorStore:
    return VectorStore(Path(settings.EMBEDDINGS_DIR))


def _describe_holding(fingerprint: str, tap: str, store: TapStore) -> Holding:
    models = EmbeddingModel.objects.filter(fingerprint=fingerprint).order_by("name").values_list("name", flat=True)
    return Holding(
        model=", ".join(models),
        tap=tap,
        fingerprint=fingerprint,
        vectors=store.count,
        dtypes=store.dtypes,
        bytes=store.size,
        needed_by=sorted({need.who for need in _needs_of(fingerprint, tap)}),
    )


def _needs_of(fingerprint: str, tap: str) -> list[Need]:
    return [need for need in all_needs() if (need.model.fingerprint, need.tap) == (fingerprint, tap)]


def _prune_tap(fingerprint: str, tap: str, store: TapStore) -> int:
    before = store.size
    for shard in store.remove_unneeded(set(_needed_keys(fingerprint, tap))):
        remote_shards.withdraw_shard(shard)
    return before - store.size


def _needed_keys(fingerprint: str, tap: str) -> Iterator[bytes]:
    for need in _needs_of(fingerprint, tap):
        for content in contents(need.model, need.items(), need.masker):
            yield content.key
