"""What a run made and what it learnt from, to take away, each as one zip that is made once."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db.models import Max

from evalapp.catalog.models import Picture
from evalapp.core.domain.errors import Conflict
from evalapp.core.models import Job
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.training.models import TrainingRun
from evalapp.training.queries.training_runs import checkpoint_of


@recorded("packed", "training run {run}")
def request_checkpoint(run: TrainingRun, *, quantise: bool = False) -> Job:
    """The job that packs what the run has made; with `quantise` also in 8-bit numbers, their loss measured.

    Raises Conflict before there is anything, InvalidInput, NotFound.
    """
    if run.model is None:
        raise Conflict(f"{run.name} has made no encoder yet.")
    checkpoint_of(run.model.name)
    return request_job("quantise" if quantise else "checkpoint", run.target)


def packed_checkpoint(run: TrainingRun, *, quantised: bool = False) -> Path:
    """Where its zip lies, or will lie."""
    return Path(settings.EXPORTS_DIR) / "checkpoints" / f"{run.pk}{'-int8' if quantised else ''}.zip"


@recorded("packed a snapshot", "training run {run}")
def request_snapshot(run: TrainingRun) -> Job:
    """The job that packs what the run learnt from: rows, triplets and pictures. Raises Conflict where none is kept."""
    if not snapshot_of(run):
        raise Conflict(f"{run.name} has learnt from no labels yet: there is no snapshot of it.")
    return request_job("snapshot", run.target)


def snapshot_of(run: TrainingRun) -> str:
    """The snapshot that a finished run names; empty where it has none, as a run that learnt from votes."""
    return str(run.card.get("data", {}).get("snapshot", "")) if "data" in run.card else ""


def packed_snapshot(run: TrainingRun) -> Path:
    """Where the zip of its snapshot lies, or will lie; runs that learnt from the same share it."""
    return _snapshot_folder() / f"{snapshot_of(run)[:32] or 'none'}.zip"


def drop_stale_snapshots() -> int:
    """Delete packed snapshots that are older than the last time a picture was taken down: it may be in one of them."""
    last = Picture.objects.aggregate(last=Max("withdrawn_at"))["last"]
    stale = [path for path in _snapshot_folder().glob("*.zip") if last and path.stat().st_mtime <= last.timestamp()]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _snapshot_folder() -> Path:
    return Path(settings.EXPORTS_DIR) / "snapshots"
