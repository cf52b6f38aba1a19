"""A worker packs a trained encoder: weights, preprocessing, card, and one ONNX file of it all, in 8-bit numbers too."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.contenders.pipeline.registrations import cut_once
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.training.pipeline.backbone_report import measuring_pictures
from evalapp.training.queries.training_runs import checkpoint_of, run_by_id
from evalapp.training.services.checkpoints import packed_checkpoint
from evalapp.training.services.training_runs import note_measured
from models_registry.errors import EncoderError


def _pack_exact(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    return _pack_checkpoint(target, quantised=False)


def _pack_small(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    return _pack_checkpoint(target, quantised=True)


def _pack_checkpoint(target: str, *, quantised: bool) -> list[Fault]:
    from models_registry.training.common.export_bundle import take_away

    run = run_by_id(target_id("training", target))
    if run.model is None:
        raise Problem(f"{run.name} has made no encoder.")
    zipped = packed_checkpoint(run, quantised=quantised)
    zipped.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=zipped.parent) as folder:
        taken = take_away(checkpoint_of(run.model.name), Path(folder) / "checkpoint")
        if quantised:
            note_measured(run, quantised=_quantise_encoder(run.model.name, Path(taken.folder)))
        draft = Path(folder) / "draft.zip"
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(Path(taken.folder).iterdir()):
                archive.write(path, path.name)
        draft.rename(zipped)
    return [("encoder.onnx", taken.no_onnx)] if taken.no_onnx else []


def _quantise_encoder(model: str, folder: Path) -> dict[str, Any]:
    """The 8-bit file beside the others, and what it loses."""
    from models_registry.training.common.quantised_export import quantise_encoder

    pictures, categories = measuring_pictures(model)
    try:
        return asdict(quantise_encoder(folder, pictures, categories))
    except EncoderError as error:
        raise Problem(str(error)) from error


PLAN = Plan(stages=(Stage("pack", "encoders", cut_once, _pack_exact),))
SMALL = Plan(stages=(Stage("pack", "encoders", cut_once, _pack_small),))
