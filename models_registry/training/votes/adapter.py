"""`adapter`: a linear map on frozen vectors, started where the encoders are and pulled to it.

1. Base vectors become blocks, one per encoder (or part of one), and one of the directions that tell categories apart.
2. One scale per block is learnt: of what each sees, how much people go by. Then a scale per direction, and a full map,
   each pulled to the one before it; which of them, and how strongly, is chosen by folds that hold items.
3. The chosen map is learnt from everything that may be learnt from and written as a checkpoint over the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.checkpoint import HeadSpec, HeadTap, write_checkpoint
from models_registry.training.base import EpochReport, OnProgress, Outcome
from models_registry.training.votes.basis import Basis, basis_of
from models_registry.training.votes.bits import sharpen
from models_registry.training.votes.choosing import CHOICES, Choice, best_of, fit_each, judge
from models_registry.training.votes.configs import AdapterConfig
from models_registry.training.votes.data import require_votes
from models_registry.training.votes.report import Answering, vote_report
from models_registry.training.votes.splits import VoteSplit, folds_of, split_votes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.training.votes.data import Labels, VoteData
    from models_registry.training.votes.fitting import Fitted

    Floats32 = NDArray[np.float32]

ENCODER = "encoder"
TAP = "embedding"
_ALL_SHAPES_UP_TO = 300
"""A full map of more directions than this takes longer than it is worth; the plainer shapes are tried alone."""


class Adapter:
    """The recipe `adapter`."""

    def check(self, data: VoteData, config: AdapterConfig) -> None:
        """Raise TrainingError where there are too few votes."""
        require_votes(data, config.fewest)

    def run(
        self, data: VoteData, config: AdapterConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        """Learn, measure on the test votes, write the checkpoint. Takes seconds to a minute: nothing to resume."""
        vectors = data.matrix()
        split = split_votes(data, vectors)
        learnt = data.ballots.where(split.learn)
        require_votes_to_learn(data, split, config.fewest)
        basis = basis_of(
            vectors, data.spans, directions=config.directions,
            labels=_usable(data.categories, split) if config.labels else None, seed=config.seed,
        )  # fmt: skip
        rows = basis.apply(vectors)
        judged = judge(
            rows, basis.block_of, learnt.pairs(), folds_of(data, config.folds, config.seed),
            _choices(config, len(learnt), len(basis.block_of)),
            on_step=lambda done, total: on_progress(EpochReport("folds", done, total, {"folds": float(done)})),
        )  # fmt: skip
        choice = best_of(judged)
        ((_, fitted),) = fit_each(rows, basis.block_of, learnt.pairs(), [choice])
        head = fitted.weights
        metric: Metric = "cosine"
        if config.target == "hamming":
            metric, head = "hamming", sharpen(rows, fitted, learnt.pairs(), bits=config.bits, seed=config.seed)
        child = Answering("child", _mapped(rows, head), metric)
        parents = parents_of(data)
        metrics = {
            **vote_report(data, split, child, parents, seed=config.seed),
            "chosen": {"shape": choice.shape, "strength": choice.strength},
            "folds": [one.as_json() for one in judged],
            "blocks": {name: float(np.exp(value)) for name, value in zip(basis.names, fitted.log_scales, strict=True)},
            "calibration": {"scale": fitted.scale, "shift": fitted.shift},
            "compare_by": metric,
        }
        card = card_of(data, split, "adapter", metrics)
        folder = workdir / ENCODER
        write_head(folder, data, basis, head, card, split)
        on_progress(EpochReport("", 1, 1, {"loss": fitted.loss}))
        return Outcome(folder, metrics, card)


def require_votes_to_learn(data: VoteData, split: VoteSplit, fewest: int) -> None:
    """Raise TrainingError where the splits leave too few votes, or votes that all say the same."""
    from dataclasses import replace

    require_votes(replace(data, ballots=data.ballots.where(split.learn), name=f"{data.name} (test part apart)"), fewest)


def parents_of(data: VoteData) -> list[Answering]:
    """Who competed, the one that led first."""
    return [Answering(one.name, one.vectors.rows(0, len(data.keys)), one.metric) for one in data.rivals if one.competed]


def write_head(
    folder: Path, data: VoteData, basis: Basis, head: Floats32, card: dict[str, Any], split: VoteSplit
) -> None:
    """A checkpoint of centre, linear and normalise over the base: blocks and map [k, m] in one matrix."""
    weight = np.asarray(head.T @ basis.to_block, dtype=np.float32)
    seen = np.unique(np.concatenate([data.ballots.query[split.learn], data.ballots.candidate[split.learn]]))
    write_checkpoint(
        folder,
        base=data.base,
        base_tap=data.base_tap,
        head=HeadSpec(("centre", "linear", "normalise"), (HeadTap(TAP, len(weight), 3),)),
        tensors={"0.mean": basis.mean, "1.weight": weight, "1.bias": np.zeros(len(weight), dtype=np.float32)},
        card=card,
        trained_on=[data.sha256s[row] for row in seen.tolist()],
    )


def card_of(data: VoteData, split: VoteSplit, recipe: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """Where the encoder comes from and how far it may be trusted."""
    return {
        "recipe": recipe,
        "learnt_from": data.name,
        "data_sha256": data.snapshot,
        "salt": data.salt,
        "studies": dict(data.sources),
        "votes": split.counts,
        "base": [span.name for span in data.spans],
        "compare_by": metrics.get("compare_by", "cosine"),
        "guard_holds": metrics.get("guard_holds"),
        "limits": "Learnt from votes on what others put first; only fresh votes say whether people like it.",
    }


def _mapped(rows: Floats32, head: Floats32) -> Floats32:
    mapped = rows @ head
    return np.asarray(mapped / np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _usable(labels: Labels, split: VoteSplit) -> Labels:
    """Labels of items outside the test part: what is measured on it must not be learnt from it."""
    return [None if held else label for label, held in zip(labels, split.held_out.tolist(), strict=True)]


def _choices(config: AdapterConfig, votes: int, directions: int) -> Sequence[Choice]:
    if config.shape != "auto":
        return CHOICES[config.shape]
    plain = CHOICES["scale"] + CHOICES["diagonal"]
    return plain if votes < config.plain_below or directions > _ALL_SHAPES_UP_TO else plain + CHOICES["full"]


RECIPE = Adapter()

__all__ = ["RECIPE", "Adapter", "Fitted"]
