"""`calibrate`: how likely people are to like an answer, told from its distance, for every embedding.

P(like) = sigmoid(a - b d), fitted per embedding on the votes to learn from and measured on the test votes. Embeddings
that never competed are judged on the same votes: off-policy, as nobody was shown their own first choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.training.common.recipe_base import EpochReport, OnProgress, Outcome
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.newton import newton_minimum
from models_registry.training.votes.vote_configs import CalibrateConfig
from models_registry.training.votes.vote_data import require_votes
from models_registry.training.votes.vote_metrics import brier_score, log_loss, noise_ceiling, vote_auc, within_query
from models_registry.training.votes.vote_report import Answering, pair_scores
from models_registry.training.votes.vote_run import card_of, require_votes_to_learn
from models_registry.training.votes.vote_splits import split_votes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import Pairs, Rival, VoteData

    Floats = NDArray[np.float64]

_PULL = 1e-4


@dataclass(frozen=True, slots=True)
class Platt:
    """log-odds of a like = `shift` - `slope` x distance."""

    shift: float
    slope: float

    def like_logits(self, distances: Floats) -> Floats:
        """Log-odds [P] of distances [P]."""
        return self.shift - self.slope * distances

    def farthest_distance(self, wanted: float) -> float | None:
        """The distance up to which a like is at least as probable as `wanted`; None where no distance is, or all."""
        if self.slope <= 0:
            return None
        bound = (self.shift - float(np.log(wanted / (1 - wanted)))) / self.slope
        return bound if bound >= 0 else None


def fit_platt(distances: Floats, pairs: Pairs) -> Platt:
    """The two numbers at the minimum of the weighted cross-entropy (Platt, 1999), by Newton's method.

    Distances are brought to mean 0 and deviation 1 inside, and the slope is held a little, so that votes which
    distance tells apart without a mistake give finite numbers.
    """
    centre = float(np.average(distances, weights=pairs.weight))
    spread = float(np.sqrt(np.average((distances - centre) ** 2, weights=pairs.weight))) or 1.0
    design = np.column_stack([np.ones(len(distances)), -(distances - centre) / spread])
    pull = np.diag([0.0, _PULL * pairs.weight.sum()])

    def loss_at(numbers: Floats) -> float:
        logit = design @ numbers
        return float(pairs.weight @ np.logaddexp(0, logit) - pairs.likes @ logit + numbers @ pull @ numbers / 2)

    def derivatives_at(numbers: Floats) -> tuple[Floats, Floats]:
        chance = 1 / (1 + np.exp(-np.clip(design @ numbers, -60, 60)))
        gradient = design.T @ (pairs.weight * chance - pairs.likes) + pull @ numbers
        curvature = design.T @ (design * (pairs.weight * chance * (1 - chance))[:, None]) + pull
        return gradient, curvature + 1e-9 * np.eye(2)

    theta = newton_minimum(np.zeros(2), loss_at, derivatives_at, close=1e-10, rounds=50)
    return Platt(float(theta[0] + theta[1] * centre / spread), float(theta[1] / spread))


class Calibrate:
    """The recipe `calibrate`."""

    def check(self, data: VoteData, config: CalibrateConfig) -> None:
        """Raise TrainingError where there are too few votes, or nothing to judge."""
        require_votes(data, config.fewest)
        if not data.rivals:
            raise TrainingError(f"No embedding has a vector for every item of {data.name}; run its precompute first.")

    def run(
        self, data: VoteData, config: CalibrateConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        """Fit and measure each embedding. Takes seconds: nothing to resume, and no encoder comes of it."""
        split = split_votes(data, data.base_matrix())
        require_votes_to_learn(data, split, config.fewest)
        learnt = data.ballots.where(split.learn).summed_pairs()
        test = data.ballots.where(split.test).summed_pairs()
        lines = []
        for number, rival in enumerate(data.rivals, start=1):
            lines.append(_calibration_line(rival, len(data.keys), learnt, test, config))
            on_progress(EpochReport("embeddings", number, len(data.rivals), {"log_loss": lines[-1]["log_loss_learnt"]}))
        lines.sort(key=lambda line: -(line["vote_auc"]["value"] or line["auc_learnt"]["value"] or 0.0))
        metrics = {
            "splits": split.counts,
            "noise_ceiling": noise_ceiling(data.ballots),
            "wanted": config.wanted,
            "calibrated": lines,
        }
        return Outcome(workdir, metrics, card_of(data, split, "calibrate", metrics))


def _calibration_line(rival: Rival, items: int, learnt: Pairs, test: Pairs, config: CalibrateConfig) -> dict[str, Any]:
    answering = Answering(rival.name, rival.vectors.rows(0, items), rival.metric)
    learnt_distances, test_distances = -pair_scores(answering, learnt), -pair_scores(answering, test)
    fitted = fit_platt(learnt_distances, learnt)
    logits = fitted.like_logits(test_distances)
    return {
        "name": rival.name,
        "competed": rival.competed,
        "shift": fitted.shift,
        "slope": fitted.slope,
        "show_up_to_distance": fitted.farthest_distance(config.wanted),
        "vote_auc": vote_auc(-test_distances, test).as_json(),
        "auc_learnt": vote_auc(-learnt_distances, learnt).as_json(),
        "within_query": within_query(-learnt_distances, learnt).as_json(),
        "log_loss_learnt": log_loss(fitted.like_logits(learnt_distances), learnt),
        "log_loss": log_loss(logits, test) if len(test) else None,
        "brier": brier_score(logits, test) if len(test) else None,
    }


RECIPE = Calibrate()
