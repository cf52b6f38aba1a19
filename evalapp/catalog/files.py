"""Files whose name says what is in them: written whole or not at all, and never twice."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


def write_once(name: str, data: bytes) -> None:
    """Put `data` under `name` in the default storage unless it is there; safe to race and to be killed in.

    A file of another size is what a crash of the machine left of it, and is written again.
    """
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        _write_remote(name, data)
        return
    try:
        if path.stat().st_size == len(data):
            return
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    _write_local(path, data)


def _write_local(path: Path, data: bytes) -> None:
    """Django's own storage writes in place, and a kill would leave half a file under the final name."""
    handle, draft = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if settings.FILE_UPLOAD_PERMISSIONS is not None:
            os.chmod(draft, settings.FILE_UPLOAD_PERMISSIONS)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _write_remote(name: str, data: bytes) -> None:
    """Object stores show an object only when it is whole."""
    if default_storage.exists(name):
        return
    stored = default_storage.save(name, ContentFile(data))
    if stored != name:
        # Somebody else was first and the store chose another name for ours.
        default_storage.delete(stored)
