"""`vote-triplets`: liked against noped candidates of the same query, so that strict and lenient queries weigh alike.

    loss = mean max(0, margin + d(q, liked) - d(q, noped)),   d = 1 - cosine of mapped vectors

with triplets of labels (same category against another) replayed, and the map pulled to the blocks' learnt scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models_registry.training.common.recipe_base import EpochReport, OnProgress, Outcome
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.votes.map_fitting import fit_map
from models_registry.training.votes.model_selection import SCALE_PULL
from models_registry.training.votes.vote_configs import VoteTripletsConfig
from models_registry.training.votes.vote_data import require_votes
from models_registry.training.votes.vote_report import Answering, vote_report
from models_registry.training.votes.vote_run import ENCODER, card_of, map_rows, parents_of, prepare_votes, write_head
from models_registry.training.votes.vote_splits import folds_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import Labels, Pairs, VoteData

    Floats32 = NDArray[np.float32]
    Ids = NDArray[np.int64]

_FEWEST = 20


@dataclass(frozen=True, slots=True, eq=False)
class Triplets:
    """Rows of query, liked and noped item [T], and the weight of each."""

    query: Ids
    liked: Ids
    noped: Ids
    weight: Floats32

    def __len__(self) -> int:
        return len(self.query)

    def where(self, rows: NDArray[np.bool_]) -> Triplets:
        """Those of the rows."""
        return Triplets(self.query[rows], self.liked[rows], self.noped[rows], self.weight[rows])


def triplets_of(pairs: Pairs) -> Triplets:
    """Every candidate of a query that people liked more than another, weighted by how clearly; ties give none."""
    lines: list[tuple[int, int, int, float]] = []
    order = np.argsort(pairs.query, kind="stable")
    share, weight = pairs.share, pairs.weight
    for rows in np.split(order, np.flatnonzero(np.diff(pairs.query[order])) + 1):
        for better in rows.tolist():
            for worse in rows.tolist():
                if share[better] > share[worse]:
                    clearness = (share[better] - share[worse]) * min(weight[better], weight[worse])
                    query, liked, noped = pairs.query[better], pairs.candidate[better], pairs.candidate[worse]
                    lines.append((int(query), int(liked), int(noped), float(clearness)))
    ids = np.array([line[:3] for line in lines], dtype=np.int64).reshape(-1, 3)
    return Triplets(ids[:, 0], ids[:, 1], ids[:, 2], np.array([line[3] for line in lines], dtype=np.float32))


def replay_triplets(labels: Labels, number: int, rng: np.random.Generator) -> Triplets:
    """Triplets of labels: a query, an item of its label, an item of another; none where labels do not allow it."""
    names = sorted({label for label in labels if label is not None})
    members = {name: np.array([row for row, label in enumerate(labels) if label == name]) for name in names}
    usable = [name for name in names if len(members[name]) > 1]
    if len(names) < 2 or not usable or not number:
        empty = np.empty(0, dtype=np.int64)
        return Triplets(empty, empty, empty, np.empty(0, dtype=np.float32))
    rows = []
    for _ in range(number):
        name = usable[int(rng.integers(len(usable)))]
        other = names[(names.index(name) + int(rng.integers(1, len(names)))) % len(names)]
        one, two = rng.choice(members[name], 2, replace=False).tolist()
        rows.append((one, two, int(rng.choice(members[other]))))
    columns = np.array(rows, dtype=np.int64).T
    return Triplets(columns[0], columns[1], columns[2], np.ones(number, dtype=np.float32))


class VoteTriplets:
    """The recipe `vote-triplets`."""

    def check(self, data: VoteData, config: VoteTripletsConfig) -> None:
        """Raise TrainingError where there are too few votes."""
        require_votes(data, config.fewest)

    def run(
        self, data: VoteData, config: VoteTripletsConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        """Learn, measure on the test votes, write the checkpoint. Takes a minute at most: nothing to resume."""
        prepared = prepare_votes(
            data, fewest=config.fewest, directions=config.directions, labels=config.labels, seed=config.seed
        )
        pairs = prepared.ballots.summed_pairs()
        triplets = triplets_of(pairs)
        if len(triplets) < _FEWEST:
            raise TrainingError(
                f"{data.name} has {len(triplets)} pairs of a liked and a noped candidate of one query, and {_FEWEST} "
                "are needed; more contenders or more votes per query make them."
            )
        start = fit_map(prepared.rows, prepared.basis.block_of, pairs, "scale", SCALE_PULL).weights
        fold = folds_of(data, 5, config.seed)
        labels = [None if held else label for label, held in zip(data.categories, prepared.split.held_out, strict=True)]
        head, best = _train_map(prepared.rows @ start, triplets, fold == 0, labels, config, on_progress)
        head = np.asarray(start @ head, dtype=np.float32)
        child = Answering("child", map_rows(prepared.deployed, head), "cosine")
        metrics = {
            **vote_report(data, prepared.split, child, parents_of(data), seed=config.seed),
            "triplets": len(triplets),
            "validation_accuracy": best,
            "compare_by": "cosine",
        }
        card = card_of(data, prepared.split, "vote-triplets", metrics)
        write_head(workdir / ENCODER, data, prepared, head, card)
        return Outcome(workdir / ENCODER, metrics, card)


def _train_map(
    rows: Floats32,
    triplets: Triplets,
    is_held_out: NDArray[np.bool_],
    labels: Labels,
    config: VoteTripletsConfig,
    on_progress: OnProgress,
) -> tuple[Floats32, float | None]:
    """The map [k, k] of the best epoch on triplets with two held-out items or three, and its accuracy there."""
    import torch

    rng = np.random.default_rng(config.seed)
    inside = is_held_out[triplets.query].astype(int) + is_held_out[triplets.liked] + is_held_out[triplets.noped]
    judged, learnt = triplets.where(inside >= 2), triplets.where(inside < 2)
    items = torch.from_numpy(rows)
    change = torch.zeros(rows.shape[1], rows.shape[1], requires_grad=True)
    optimiser = torch.optim.Adam([change], lr=config.learning_rate)
    best_change, best, waited = np.zeros_like(change.detach().numpy()), _triplet_accuracy(items, change, judged), 0
    for epoch in range(1, config.epochs + 1):
        replay = replay_triplets(labels, int(config.replay * len(learnt)), rng)
        optimiser.zero_grad()
        loss = _hinge_loss(items, change, learnt, config.margin) + config.strength * (change**2).sum()
        if len(replay):
            loss = loss + config.replay * _hinge_loss(items, change, replay, config.margin)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        accuracy = _triplet_accuracy(items, change, judged)
        on_progress(
            EpochReport("", epoch, config.epochs, {"loss": loss.item(), "validation_accuracy": accuracy or 0.0})
        )
        if accuracy is not None and best is not None and accuracy <= best:
            waited += 1
            if waited >= config.patience:
                break
        else:
            best_change, best, waited = change.detach().numpy().copy(), accuracy, 0
    return np.asarray(np.eye(len(best_change)) + best_change, dtype=np.float32), best


def _triplet_margins(items: torch.Tensor, change: torch.Tensor, triplets: Triplets) -> torch.Tensor:
    """d(q, noped) - d(q, liked) [T]."""
    import torch

    units = torch.nn.functional.normalize(items + items @ change, dim=1)
    query, liked, noped = (units[torch.from_numpy(ids)] for ids in (triplets.query, triplets.liked, triplets.noped))
    return (query * liked).sum(1) - (query * noped).sum(1)


def _hinge_loss(items: torch.Tensor, change: torch.Tensor, triplets: Triplets, margin: float) -> torch.Tensor:
    import torch

    weight = torch.from_numpy(triplets.weight)
    return (weight * (margin - _triplet_margins(items, change, triplets)).clamp(min=0)).sum() / weight.sum()


def _triplet_accuracy(items: torch.Tensor, change: torch.Tensor, triplets: Triplets) -> float | None:
    """How often the liked one is nearer, weighted; None where nothing was held out."""
    if not len(triplets):
        return None
    right = (_triplet_margins(items, change.detach(), triplets) > 0).numpy()
    return float(np.average(right, weights=triplets.weight))


RECIPE = VoteTriplets()
