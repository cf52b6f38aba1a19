"""Files whose name says what is in them: written whole or not at all, and never twice."""

from __future__ import annotations

import os
import secrets

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from evalapp.core.domain.errors import Problem


def write_once(name: str, data: bytes) -> None:
    """Put `data` under `name` in the default storage unless it is there; safe to race and to be killed in.

    A file of another size is what a crash of the machine left of it, and is written again. Raises Problem where the
    storage's disk is full or may not be written to.
    """
    try:
        path = default_storage.path(name)
    except NotImplementedError:
        _write_remote(name, data)
        return
    try:
        if not _is_there(path, len(data)):
            _write_local(path, data)
    except OSError as error:
        raise Problem(f"The picture storage cannot be written: {error.strerror} ({path}).") from error


def is_stored(name: str) -> bool:
    """Whether there is something under this name; nothing stored is empty unless a crash of the machine emptied it."""
    return default_storage.exists(name) and default_storage.size(name) > 0


def _is_there(path: str, size: int) -> bool:
    try:
        return os.stat(path).st_size == size
    except FileNotFoundError:
        return False


def _write_local(path: str, data: bytes) -> None:
    """Django's own storage writes in place, and a kill would leave half a file under the final name."""
    draft = f"{path}.{secrets.token_hex(8)}.part"
    try:
        _write_new(draft, data)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write_new(draft, data)
    os.replace(draft, path)


def _write_new(path: str, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, settings.FILE_UPLOAD_PERMISSIONS or 0o666)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)


def _write_remote(name: str, data: bytes) -> None:
    """Object stores show an object only when it is whole."""
    if default_storage.exists(name):
        return
    stored = default_storage.save(name, ContentFile(data))
    if stored != name:
        # Somebody else was first and the store chose another name for ours.
        default_storage.delete(stored)
