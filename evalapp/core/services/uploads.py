"""Files that operators send: on disk as they arrive, under names of ours, gone when nobody came back for them."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from evalapp.core.domain.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9_-]{22}")
MEGABYTE = 1024 * 1024
FORGOTTEN_AFTER = timedelta(days=2)
"""What no job has taken up by then is deleted."""


class OnDisk(TemporaryFileUploadHandler):
    """Keeps what is sent in our own folder from the first byte: its disk is the one meant for large files."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file.close()
        self.file = _Arriving(self.file_name, self.content_type, 0, self.charset, self.content_type_extra)


class _Arriving(TemporaryUploadedFile):
    """A file that is being sent, in our folder; gone with the request unless it is kept."""

    def __init__(self, name: str | None, content_type: str | None, size: int, charset: str | None, extra: Any) -> None:
        file = tempfile.NamedTemporaryFile(suffix=".upload", dir=uploads_folder())  # noqa: SIM115 - closed by Django
        UploadedFile.__init__(self, file, name, content_type, size, charset, extra)


def uploads_folder() -> Path:
    """Where uploads lie; made if it is missing, for us alone."""
    folder = Path(settings.UPLOADS_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def keep_upload(upload: object, field: str = "file") -> str:
    """Put a file that was sent into our folder; returns the name by which `upload_path` finds it.

    The sender's own name is never used as a path. Raises InvalidInput for no file, an empty one and one too large.
    """
    if not isinstance(upload, UploadedFile) or not upload.name:
        raise InvalidInput("Choose a file first.", fields={field: ["Choose a file."]})
    if not upload.size:
        raise InvalidInput("The file is empty.", fields={field: ["It is empty."]})
    if upload.size > settings.UPLOAD_MB * MEGABYTE:
        message = f"The file is larger than {settings.UPLOAD_MB:,} MB, the limit (UPLOAD_MB)."
        raise InvalidInput(message, code="too_large", fields={field: [message]})
    name = secrets.token_urlsafe(16)
    target = uploads_folder() / name
    if isinstance(upload, TemporaryUploadedFile):
        # The same disk: nothing is copied. The handler wants its file to be there when the request ends.
        Path(upload.temporary_file_path()).rename(target)
        Path(upload.temporary_file_path()).touch()
    else:
        with target.open("wb") as file:
            for block in upload.chunks():
                file.write(block)
    return name


def upload_path(name: str) -> Path:
    """Where the upload of this name lies, or lay; raises InvalidInput for what is no such name."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("That is no upload of ours.")
    return Path(settings.UPLOADS_DIR) / name


def drop_upload(name: str) -> None:
    """Delete an upload with all that was made of it (`NAME.*`); nothing happens where it is gone."""
    path = upload_path(name)
    for entry in (path, *path.parent.glob(f"{name}.*")):
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def forget_uploads(age: timedelta = FORGOTTEN_AFTER) -> int:
    """Delete what has lain there for so long; returns how many files and folders there were."""
    folder, oldest = Path(settings.UPLOADS_DIR), time.time() - age.total_seconds()
    old_paths = [path for path in folder.glob("*") if path.stat().st_mtime < oldest] if folder.is_dir() else []
    for path in old_paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(old_paths)


def inside_root(path: str) -> Path:
    """The file or folder that an operator names below `IMPORT_ROOT`.

    Raises InvalidInput where no root is set, where nothing is there, and where links or dots lead out of it.
    """
    if not settings.IMPORT_ROOT:
        raise InvalidInput("No folder of this machine may be read: set IMPORT_ROOT, or send a zip.", fields=_NO_ROOT)
    root = Path(settings.IMPORT_ROOT).resolve()
    try:
        resolved = (root / path).resolve()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path!r} is no path.", fields={"path": ["It is no path."]}) from error
    if not resolved.is_relative_to(root) or not resolved.exists():
        # One answer for both: nobody shall learn what lies outside.
        raise InvalidInput(f"There is nothing at {path!r} below IMPORT_ROOT.", fields={"path": ["There is nothing."]})
    return resolved


_NO_ROOT = {"path": ["IMPORT_ROOT is not set."]}
