"""CSV files that come with a request: as large as one answer can deal with, and gone when it is given."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile

from evalapp.core.domain.errors import InvalidInput

MOST_BYTES = 2 * 1024 * 1024
"""Some 50,000 votes, half a minute of work; larger files go in parts, or through the command."""


@contextmanager
def uploaded_sheet(upload: object) -> Iterator[Path]:
    """The file that was sent, on disk for as long as it is read. Raises InvalidInput for none and for one too large."""
    if not isinstance(upload, UploadedFile) or not upload.name:
        raise InvalidInput("Choose a CSV file.", fields={"file": ["Choose a CSV file."]})
    if (upload.size or 0) > MOST_BYTES:
        message = (
            f"The file is larger than {MOST_BYTES >> 20} MB: send it in parts with their headers, or use the command."
        )
        raise InvalidInput(message, fields={"file": [message]})
    with tempfile.TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder) / _short_name(upload.name)
        with path.open("wb") as file:
            for block in upload.chunks():
                file.write(block)
        yield path


def _short_name(name: str) -> str:
    """The end of the file's own name, which is told in messages; disks take 255 bytes and no NUL."""
    end = Path(name).name.replace("\0", "").encode(errors="replace")[-100:]
    return end.decode(errors="ignore") or "file.csv"
