"""Pictures to vectors: what is missing, and how a chunk of it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from pathlib import Path
from typing import cast

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage

from evalapp.catalog.models import Item
from evalapp.contenders.domain import remote_shards
from evalapp.contenders.models import EmbeddingModel, RegionNetwork
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault
from models_registry.devices import computes_on_gpu
from models_registry.embed import Picture, embed
from models_registry.encoders.checkpoint import apply_head, read_checkpoint, read_head
from models_registry.encoders.encoder_base import Encoder, VectorLookup
from models_registry.encoders.joint_encoder import side_by_side
from models_registry.regions import MaskedEncoder, OnnxMasker, RegionSpec
from models_registry.registry import load, with_every_tap
from models_registry.spec import Box, EncoderSpec
from models_registry.store import TapStore, VectorStore, content_key, key_for_both, key_for_item, masked_key

Made = tuple[dict[str, np.ndarray], list[bytes], list[Fault]]
"""Vectors by tap, the keys that they are of, and what could not be made."""

GPU_PASSES = 8
"""So many times the chunk of a processor is a GPU's."""


@dataclass(frozen=True, slots=True)
class Content:
    """An item as the engine sees it: the key of its vector says what the vector was made from."""

    item: int
    name: str
    key: bytes
    file: str
    box: tuple[int, int, int, int] | None


def contents(model: EmbeddingModel, items: Iterable[int], masker: RegionNetwork | None = None) -> list[Content]:
    """The content of each item for this model, in the order of `items`; items that are gone are left out.

    With a masker, its pictures' backgrounds are blanked first: these keys are never those of plain pictures.
    """
    key_of = _KEYS[model.spec["reads"]]
    content_of: dict[int, Content] = {}
    # Bare columns: a chunk waits for them, and rows as objects take several times as long.
    rows = Item.objects.filter(pk__in=list(items)).values_list(
        "pk", "key", "picture__sha256", "picture__file", "x1", "y1", "x2", "y2"
    )
    for pk, name, sha256, file, *sides in rows.iterator(chunk_size=5000):
        box = None if None in sides else cast("tuple[int, int, int, int]", tuple(sides))
        key = key_of(sha256, box, name)
        if masker is not None:
            key = masked_key(key, masker.name, masker.fingerprint)
        content_of[pk] = Content(pk, name, key, file, box)
    return [content_of[item] for item in items if item in content_of]


_KEYS: dict[str, Callable[[str, tuple[int, int, int, int] | None, str], bytes]] = {
    "pictures": lambda sha256, box, _name: content_key(sha256, box),
    "keys": lambda _sha256, _box, name: key_for_item(name),
    "both": key_for_both,
}
"""What a vector was made from, by what its encoder reads."""


def folder_of(model: EmbeddingModel, tap: str) -> TapStore:
    """Where this model's vectors of this tap lie, those that other machines have made included."""
    folder = _open_store(Path(settings.EMBEDDINGS_DIR), model.fingerprint, tap)
    remote_shards.fetch_shards(folder)
    return folder


@lru_cache(maxsize=64)
def _open_store(root: Path, fingerprint: str, tap: str) -> TapStore:
    """Kept between chunks: to open thousands of shards anew for each would take longer than the chunk.
    Many, since a joint reads its parts in turn."""
    return VectorStore(root).tap_store(fingerprint, tap)


def items_without_vectors(
    model: EmbeddingModel, taps: Sequence[str], items: Sequence[int], masker: RegionNetwork | None = None
) -> list[int]:
    """The items that lack a vector at any of the taps; of items with equal content only the first."""
    return [content.item for content in _contents_without_vectors(model, taps, items, masker)]


def _contents_without_vectors(
    model: EmbeddingModel, taps: Sequence[str], items: Sequence[int], masker: RegionNetwork | None
) -> list[Content]:
    all_contents = contents(model, items, masker)
    missing: set[bytes] = set()
    for tap in taps:
        missing.update(folder_of(model, tap).missing([content.key for content in all_contents]))
    first: dict[bytes, Content] = {}
    for content in all_contents:
        if content.key in missing:
            first.setdefault(content.key, content)
    return list(first.values())


def chunk_size() -> int:
    """Pictures that a worker embeds between two marks of progress.

    On a GPU eight times as many: a pass takes 256 at once there, and while a chunk of a single pass is decoded and
    written the device has nothing to do.
    """
    return settings.CHUNK_PICTURES * (GPU_PASSES if computes_on_gpu(settings.DEVICE) else 1)


def embed_items(
    model: EmbeddingModel, taps: Sequence[str], items: Sequence[int], masker: RegionNetwork | None = None
) -> list[Fault]:
    """Make the vectors of these items at these taps, in one forward pass each; returns what could not be made.

    What is there is not made again: a worker may have died between writing its vectors and saying so.
    """
    to_embed = _contents_without_vectors(model, taps, items, masker)
    if not to_embed:
        return []
    derived = _derive_vectors(model, taps, to_embed, masker)
    vectors, keys, faults = _compute_vectors(model, taps, to_embed, masker) if derived is None else derived
    for tap in taps:
        if keys:
            shard = folder_of(model, tap).write(keys, vectors[tap], half=settings.HALF_VECTORS)
            if shard is not None:
                remote_shards.offer_shard(shard)
    return faults


def _derive_vectors(
    model: EmbeddingModel, taps: Sequence[str], to_embed: list[Content], masker: RegionNetwork | None
) -> Made | None:
    """The vectors of a joint, or of a head over a frozen base, from the stored ones of the encoders it is made of.

    No picture is opened that was embedded before. None where vectors do not follow from others, or where those
    encoders are not registered here.
    """
    bases = made_of(model)
    if not bases:
        return None
    items = [content.item for content in to_embed]
    reasons: dict[str, str] = {}
    for base, tap in bases:
        reasons.update(embed_items(base, [tap], items, masker))
    stores = [folder_of(base, tap) for base, tap in bases]
    # The same items go by other keys with a base that reads something else.
    own_keys = {base.pk: [content.key for content in contents(base, items, masker)] for base, _ in bases}
    keys = [own_keys[base.pk] for base, _ in bases]
    missing = [set(store.missing(own)) for store, own in zip(stores, keys, strict=True)]
    has_bases = [
        all(own[row] not in gone for own, gone in zip(keys, missing, strict=True)) for row in range(len(to_embed))
    ]
    absent = [content.name for content, is_there in zip(to_embed, has_bases, strict=True) if not is_there]
    faults = [(name, reasons.get(name, "a vector that it follows from is missing")) for name in absent]
    if not any(has_bases):
        return {}, [], faults
    base_keys = [list(compress(own, has_bases)) for own in keys]
    rows = [store.reader(own).rows(0, len(own)) for store, own in zip(stores, base_keys, strict=True)]
    return _vectors_from_bases(model, taps, rows), [content.key for content in compress(to_embed, has_bases)], faults


def made_of(model: EmbeddingModel) -> list[tuple[EmbeddingModel, str]]:
    """The registered encoders, with their taps, from whose vectors this model's follow; empty where they do not."""
    options = model.spec.get("options", {})
    base_names: list[tuple[str, str]] = []
    if model.spec["family"] == "checkpoint" and not options["tuned"]:
        base_names = [(options["base"], options["base_tap"])]
    elif model.spec["family"] == "joint":
        base_names = [(part["fingerprint"], part["tap"]) for part in options["parts"]]
    rows = EmbeddingModel.objects.filter(fingerprint__in=[fingerprint for fingerprint, _ in base_names]).order_by("-pk")
    by_fingerprint = {row.fingerprint: row for row in rows}
    if any(fingerprint not in by_fingerprint for fingerprint, _ in base_names):
        return []
    return [(by_fingerprint[fingerprint], tap) for fingerprint, tap in base_names]


def _vectors_from_bases(
    model: EmbeddingModel, taps: Sequence[str], rows: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    if model.spec["family"] == "joint":
        parts = zip(rows, model.spec["options"]["parts"], strict=True)
        joint = side_by_side([vectors[:, part["start"] : part["stop"]] for vectors, part in parts])
        return dict.fromkeys(taps, joint)
    path = Path(settings.WEIGHTS_DIR) / model.weights
    checkpoint = read_checkpoint(path)
    tensors = read_head(path, checkpoint)
    return {tap: apply_head(checkpoint.head, tensors, rows[0], tap=tap) for tap in taps}


def _compute_vectors(
    model: EmbeddingModel, taps: Sequence[str], to_embed: list[Content], masker: RegionNetwork | None
) -> Made:
    encoder = encoder_of(model, masker)
    if isinstance(encoder, VectorLookup):
        vectors, missing = encoder.find_vectors([content.name for content in to_embed])
        absent = set(missing)
        return (
            dict.fromkeys(taps, vectors),
            [content.key for content in to_embed if content.name not in absent],
            [(name, "the file of vectors does not have it") for name in missing],
        )
    parts: dict[str, list[np.ndarray]] = {tap: [] for tap in taps}
    keys: list[bytes] = []
    faults: list[Fault] = []
    pictures = [Picture(one.key, source(one.file), Box(*one.box) if one.box else None) for one in to_embed]
    for batch in embed(encoder, pictures, taps=taps):
        keys.extend(to_embed[index].key for index in batch.indices)
        faults.extend((to_embed[index].name, reason) for index, reason in batch.failures)
        for tap in taps:
            parts[tap].append(batch.vectors[tap])
    return {tap: np.concatenate(part) for tap, part in parts.items() if part}, keys, faults


def source(name: str) -> Path | Callable[[], bytes]:
    """Where the engine reads a stored picture from: its path, or a function that fetches it."""
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        # A storage without files of its own, such as S3.
        return lambda: _read_stored(name)


def _read_stored(name: str) -> bytes:
    with default_storage.open(name, "rb") as file:
        data: bytes = file.read()
    return data


def encoder_of(model: EmbeddingModel, masker: RegionNetwork | None = None) -> Encoder | VectorLookup:
    """The encoder of a model, behind a masker if there is one; both are kept between chunks."""
    return warm_encoder(model.pk) if masker is None else _masked_encoder(model.pk, masker.pk)


@lru_cache(maxsize=2)
def warm_encoder(model_id: int) -> Encoder | VectorLookup:
    """The encoder, kept between chunks; two at most, so that memory stays bounded."""
    model = EmbeddingModel.objects.get(pk=model_id)
    weights = Path(settings.WEIGHTS_DIR) / model.weights if model.weights else None
    return load(with_every_tap(EncoderSpec.from_json(model.spec)), weights=weights, device=settings.DEVICE)


@lru_cache(maxsize=2)
def _masked_encoder(model_id: int, masker_id: int) -> Encoder:
    encoder = warm_encoder(model_id)
    if not isinstance(encoder, Encoder):
        raise Problem("Only an encoder that reads pictures can be given masked ones.")
    row = RegionNetwork.objects.get(pk=masker_id)
    masker = OnnxMasker(RegionSpec.from_json(row.spec), Path(settings.WEIGHTS_DIR) / row.weights)
    return MaskedEncoder(encoder, masker)
