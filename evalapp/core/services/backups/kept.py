"""Backups that operators asked for in the browser or over HTTP: files below VAR_DIR, made by workers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from evalapp.core.domain.errors import NotFound
from evalapp.core.models import Job
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job

KIND, TARGET = "backup", "installation"
_NAME = re.compile(r"\d{8}-\d{6}\.backup")


@dataclass(frozen=True, slots=True)
class KeptBackup:
    """A file that is whole; `size` in bytes."""

    name: str
    size: int
    made_at: datetime


def backups_folder() -> Path:
    """Where they lie; for the product's own user alone, since they hold keys."""
    folder = Path(settings.VAR_DIR) / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@recorded("asked for backup", "installation")
def request_backup() -> Job:
    """The job that makes one; asking twice joins the one under way."""
    return request_job(KIND, TARGET)


def kept_backups() -> list[KeptBackup]:
    """Those that are there, the newest first."""
    folder = Path(settings.VAR_DIR) / "backups"
    files = [path for path in folder.glob("*.backup") if _NAME.fullmatch(path.name)]
    return [_describe_backup(path) for path in sorted(files, reverse=True)]


def _describe_backup(path: Path) -> KeptBackup:
    file_stat = path.stat()
    return KeptBackup(path.name, file_stat.st_size, datetime.fromtimestamp(file_stat.st_mtime, UTC))


@recorded("downloaded", "backup {name}")
def hand_out_backup(name: str) -> Path:
    """The file, for somebody who takes it along. Raises NotFound."""
    return _require_backup(name)


@recorded("deleted", "backup {name}")
def remove_backup(name: str) -> None:
    """Raises NotFound."""
    _require_backup(name).unlink(missing_ok=True)


def _require_backup(name: str) -> Path:
    path = Path(settings.VAR_DIR) / "backups" / name
    # The name stands in an address: nothing but a backup's name leads anywhere.
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound(f"There is no backup {name}.")
    return path
