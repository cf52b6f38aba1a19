"""`adapter`: a linear map on frozen vectors, started where the encoders are and pulled to it.

1. Base vectors become blocks, one per encoder (or part of one), and one of the categories that a picture may be of.
2. One scale per block is learnt: of what each sees, how much people go by. Then a scale per direction, and a full map,
   each pulled to the one before it; which of them, and how strongly, is chosen by folds that hold items.
3. The chosen map is learnt from everything that may be learnt from and written as a checkpoint over the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models_registry.training.common.recipe_base import EpochReport, OnProgress, Outcome
from models_registry.training.votes.binary_codes import binary_code_map
from models_registry.training.votes.block_pca import LENGTH
from models_registry.training.votes.model_selection import CHOICES, Choice, Judged, best_of, fit_each, judge_choices
from models_registry.training.votes.vote_configs import AdapterConfig, MapConfig
from models_registry.training.votes.vote_data import require_votes
from models_registry.training.votes.vote_report import Answering, Scored, vote_report
from models_registry.training.votes.vote_run import ENCODER, card_of, map_rows, parents_of, prepare_votes, write_head
from models_registry.training.votes.vote_splits import folds_of

if TYPE_CHECKING:
    from models_registry.training.votes.map_fitting import Fitted
    from models_registry.training.votes.vote_data import Pairs, VoteData
    from models_registry.training.votes.vote_run import Prepared

_FULL_UP_TO = 300
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
        prepared = prepare_votes(
            data,
            fewest=config.fewest,
            directions=config.directions,
            labels=config.labels,
            seed=config.seed,
            lifted=True,
        )
        pairs = prepared.ballots.summed_pairs()
        chosen = chosen_map(data, config, prepared, pairs, on_progress)
        fitted = chosen.fitted
        head, compare_by = fitted.weights, config.target
        if compare_by == "hamming":
            head = binary_code_map(prepared.rows, fitted, pairs, bits=config.bits, seed=config.seed)
        child = Answering("child", map_rows(prepared.deployed, head), compare_by)
        blocks = zip(prepared.basis.names, fitted.log_scales, strict=True)
        metrics = {
            **vote_report(data, prepared.split, child, parents_of(data), fresh=chosen.fresh_scores, seed=config.seed),
            "chosen": {"shape": chosen.choice.shape, "strength": chosen.choice.strength},
            "folds": [one.as_json() for one in chosen.judged],
            "blocks": {name: float(np.exp(value)) for name, value in blocks if name != LENGTH},
            "calibration": {"scale": fitted.scale, "shift": fitted.shift},
            "compare_by": compare_by,
        }
        card = card_of(data, prepared.split, "adapter", metrics)
        write_head(workdir / ENCODER, data, prepared, head, card)
        on_progress(EpochReport("", 1, 1, {"loss": fitted.loss}))
        return Outcome(workdir / ENCODER, metrics, card)


@dataclass(frozen=True, slots=True, eq=False)
class ChosenMap:
    """What the folds said of each choice, the choice taken, and its map on all the pairs."""

    judged: Sequence[Judged]
    choice: Choice
    fitted: Fitted

    @property
    def fresh_scores(self) -> Scored | None:
        """What the folds say of the choice taken, on pairs of which its map had learnt from neither item."""
        return next((Scored(one.deployed, one.pairs) for one in self.judged if one.choice == self.choice), None)


def chosen_map(
    data: VoteData, config: MapConfig, prepared: Prepared, pairs: Pairs, on_progress: OnProgress
) -> ChosenMap:
    """The map of these pairs; its shape and strength are chosen by folds among them unless the settings name one."""
    rows, block_of = prepared.rows, prepared.basis.block_of
    judged = judge_choices(
        rows,
        prepared.deployed,
        block_of,
        pairs,
        folds_of(data, config.folds, config.seed),
        _choices_to_try(config, len(prepared.ballots), len(block_of)),
        on_step=lambda done, total: on_progress(EpochReport("folds", done, total, {"folds": float(done)})),
    )
    choice = best_of(judged)
    ((_, fitted),) = fit_each(rows, block_of, pairs, [choice])
    return ChosenMap(judged, choice, fitted)


def _choices_to_try(config: MapConfig, votes: int, directions: int) -> Sequence[Choice]:
    """From the plainest to the richest."""
    if config.shape != "auto":
        return CHOICES[config.shape]
    plain = CHOICES["scale"] + CHOICES["diagonal"]
    return plain if votes < config.plain_below or directions > _FULL_UP_TO else plain + CHOICES["full"]


RECIPE = Adapter()
