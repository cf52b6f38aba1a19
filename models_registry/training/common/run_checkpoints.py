"""What a run keeps of itself after every epoch, so that it goes on where it was when it is killed."""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from models_registry.training.common.training_errors import DiskFull

if TYPE_CHECKING:
    from pathlib import Path


_ABANDONED_S = 3600


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; the file is the old or the new one, never half of it. Raises DiskFull.

    Drafts have names of their own: a worker that was given up and still lives may write beside its successor.
    """
    import torch

    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        torch.save(state, draft)
        draft.replace(path)
    except (OSError, RuntimeError) as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        # Torch's own writer reports a full disk as a failed write.
        if isinstance(error, RuntimeError) and "write" not in str(error).lower():
            raise
        raise DiskFull(f"The disk of {path.parent} is full: make room and resume the job; no epoch is lost.") from error


def load_state(path: Path, digest: str) -> dict[str, Any] | None:
    """What was saved by a run of the same data and settings, on the processor, wherever it was computed; None where
    there is nothing usable. Drafts that a killed writer left behind are removed."""
    import torch

    for draft in path.parent.glob(f".{path.name}.*.part"):
        with suppress(FileNotFoundError):  # its writer has just finished
            if time.time() - draft.stat().st_mtime > _ABANDONED_S:
                draft.unlink()
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever a damaged file makes the reader raise: the run begins anew
        return None
    return state if state.get("digest") == digest else None
