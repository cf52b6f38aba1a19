"""Vectors for workers on other machines: shards are copied to the picture storage where that is not a folder.

Searching needs files that can be mapped, so every machine keeps its own copy of what it uses. A shard never changes;
its `shard.json` is sent last and says that the rest is there.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from models_registry.store import TapStore
from models_registry.store.shards import unfinished_folder, verify_shard

_LAST = "shard.json"


def is_shared() -> bool:
    """Whether files lie where every machine can get them."""
    try:
        default_storage.path("probe")
    except NotImplementedError:
        return True
    return False


def offer_shard(shard: Path) -> None:
    """Copy a new shard to the shared storage."""
    if not is_shared():
        return
    files = sorted(shard.iterdir(), key=lambda file: (file.name == _LAST, file.name))
    for file in files:
        with file.open("rb") as stream:
            default_storage.save(_stored_name(file), File(stream))


def fetch_shards(tap: TapStore) -> None:
    """Get the shards of this tap that other machines have offered, each whole and checked or not at all."""
    if not is_shared():
        return
    folders, _ = default_storage.listdir(_stored_name(tap.path))
    for shard in sorted(folders):
        if not (tap.path / shard).exists():
            _fetch_shard(tap.path, shard)


def withdraw_shard(shard: Path) -> None:
    """Take a shard out of the shared storage, the file that says it is whole first."""
    if is_shared():
        for file in (_LAST, "vectors.npy", "bits.npy", "keys.bin"):
            default_storage.delete(_stored_name(shard / file))


def _fetch_shard(folder: Path, shard: str) -> None:
    remote_folder = _stored_name(folder / shard)
    _, files = default_storage.listdir(remote_folder)
    if _LAST not in files:
        return
    # A folder of its own, held while it is written: several workers of one machine fetch at the same time.
    with unfinished_folder(folder) as draft:
        for file in files:
            with default_storage.open(f"{remote_folder}/{file}", "rb") as source, (draft / file).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        verify_shard(draft)
        with contextlib.suppress(OSError):  # another worker of this machine was faster
            draft.rename(folder / shard)


def _stored_name(path: Path) -> str:
    return f"embeddings/{path.relative_to(settings.EMBEDDINGS_DIR).as_posix()}"
