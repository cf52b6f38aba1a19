"""A worker packs what a run learnt from: its rows as a table, its triplets, its pictures."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.training.pipeline.datasets.label_snapshots import export_snapshot, require_whole
from evalapp.training.queries.training_runs import run_by_id
from evalapp.training.services.checkpoints import packed_snapshot, snapshot_of


def _cut_snapshot(target: str) -> Iterator[Piece]:
    require_whole(snapshot_of(run_by_id(target_id("training", target))))
    yield Piece({})


def _pack_snapshot(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    run = run_by_id(target_id("training", target))
    zipped = packed_snapshot(run)
    zipped.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=zipped.parent) as folder:
        taken = Path(folder) / "snapshot"
        export_snapshot(snapshot_of(run), taken)
        draft = Path(folder) / "draft.zip"
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(taken.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(taken))
        draft.rename(zipped)
    return []


PLAN = Plan(stages=(Stage("pack", "snapshots", _cut_snapshot, _pack_snapshot),))
