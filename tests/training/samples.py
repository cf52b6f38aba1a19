"""A turn of the loop as rows, without the work: what pages show of a run, its encoder's family and a voter's taste."""

from __future__ import annotations

import hashlib
from typing import Any

from django.utils import timezone

from evalapp.contenders.models import EmbeddingModel
from evalapp.studies.models import Study
from evalapp.training.models import Epoch, LoopState, Retraining, Schedule, TrainingRun, VoterTaste
from evalapp.voting.models import Voter
from tests import cast


def learnt_turn(study: Study) -> Retraining:
    """A scheduled run on the study's votes over a joint of three encoders; its child waits for the board."""
    parts = [cast.network(name) for name in ("mobilenet_v2_100_224", "mobilenet_v1_050_160", "colours")]
    joint = _model("joint-0a1b2c3d4e5f", "joint", parts=[{"fingerprint": part.fingerprint} for part in parts])
    schedule = Schedule.objects.create(
        study=study, name="weekly", every_votes=2000, every_days=7, turns=1, last_at=timezone.now()
    )
    run = TrainingRun.objects.create(
        name="weekly-g1", recipe="adapter", data=f"study:{study.pk}", parent=joint, parent_tap="embedding",
        model=_model("weekly-g1", "checkpoint"), config={"shape": "auto", "folds": 4, "seed": 0},
        metrics=_metrics(), card={"votes": {"votes": 5000, "learnt from": 3100}},
    )  # fmt: skip
    Epoch.objects.bulk_create(
        Epoch(run=run, part="folds", epoch=fold, epochs=4, values={"folds": float(fold)}) for fold in range(1, 5)
    )
    return Retraining.objects.create(
        study=study, run=run, schedule=schedule, following=study, contender="weekly-g1:cosine", state=LoopState.VOTING
    )


def taste_of(voter: Voter, turn: Retraining) -> VoterTaste:
    """What the run learnt of this voter: two queries with three matches each."""
    keys = list(turn.study.catalogue.items.order_by("key").values_list("key", flat=True)[:8])
    return VoterTaste.objects.create(
        run=turn.run, study=turn.study, voter=voter, weights={"colours": 0.4}, votes=120,
        matches=[[keys[0], keys[1:4]], [keys[4], keys[5:8]]],
    )  # fmt: skip


def _model(name: str, family: str, **options: Any) -> EmbeddingModel:
    fingerprint = hashlib.sha256(name.encode()).hexdigest()
    spec = {"family": family, "taps": [{"name": "embedding", "dim": 8}], "options": options}
    return EmbeddingModel.objects.create(name=name, source=family, spec=spec, fingerprint=fingerprint)


def _metrics() -> dict[str, Any]:
    def told(value: float) -> dict[str, Any]:
        return {"value": value, "low": value - 0.04, "high": value + 0.04, "queries": 210}

    names = ("child", "mobilenet_v2_100_224.embedding:cosine", "mobilenet_v1_050_160.embedding:cosine")
    return {
        "lines": [
            {
                "name": name, "metric": "cosine", "vote_auc": told(value), "within_query": told(value - 0.02),
                "category_match": told(value - 0.1), "product_recall_at_1": None,
            }
            for name, value in zip(names, (0.84, 0.71, 0.66), strict=True)
        ],
        "splits": {"votes": 5000, "learnt from": 3100, "test": 190, "dropped: across the splits": 1600},
        "noise_ceiling": {"agreement": 0.87},
        "both": {
            name: {"vote_auc": told(value), "within_query": told(value - 0.02)}
            for name, value in (("fresh", 0.88), ("unseen", 0.84))
        },
        "top1_changed": told(0.71),
        "compared_with": names[1],
        "guard": {"category_match": told(0.02), "may_fall": 0.1, "holds": True},
        "guard_holds": True,
        "collapse": {"warnings": []},
        "blocks": {f"{name}.embedding": scale for name, scale in (("colours", 2.1), ("mobilenet_v2_100_224", 0.7))},
    }  # fmt: skip
