"""Making a backup that was asked for, beside whatever else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.services.backups import write_backup
from evalapp.core.services.backups.kept import backups_folder


def _cut_backup(_target: str) -> Iterator[Piece]:
    # The name is settled once: a worker that takes the chunk over writes the same file.
    yield Piece({"name": f"{timezone.now():%Y%m%d-%H%M%S}.backup"})


def _write_chunk(_target: str, arguments: dict[str, Any]) -> list[Fault]:
    """May be done again: a draft is written over, and what has its name is whole."""
    file = backups_folder() / arguments["name"]
    if not file.exists():
        write_backup(file)
    return []


PLAN = Plan(stages=(Stage("backup", "files", _cut_backup, _write_chunk),))
