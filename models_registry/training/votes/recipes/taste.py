"""`taste`: one map for everybody, and a small offset for each voter with enough votes.

    log-odds of a like = t sum_b (1 + a_ub) s_b(q, c) + b + e_u

s_b is what block b brings to the cosine under the common map, a_u weighs the blocks for voter u (an offset of low rank:
one number per block) and e_u is the voter's leniency. Both are held to 0, so that few votes move little.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.training.common.recipe_base import EpochReport, OnProgress, Outcome
from models_registry.training.votes.map_fitting import Fitted, fit_map
from models_registry.training.votes.model_selection import CHOICES, SCALE_PULL, judge_choices
from models_registry.training.votes.newton import newton_minimum
from models_registry.training.votes.vote_configs import TasteConfig
from models_registry.training.votes.vote_data import require_votes
from models_registry.training.votes.vote_report import Answering, Scored, vote_report
from models_registry.training.votes.vote_run import ENCODER, card_of, map_rows, parents_of, prepare_votes, write_head
from models_registry.training.votes.vote_splits import folds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_registry.training.votes.vote_data import Ballots, VoteData

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]
    Ids = NDArray[np.int64]

VOTERS = "voters.json"
"""The file of offsets beside the encoder: pseudonyms, so that it never leaves the machine with the encoder."""
SHOWN_QUERIES, SHOWN_MATCHES = 6, 4
HOLDS = (10.0, 30.0, 100.0, 300.0, 1e6)
_HELD_OUT = 0.25
_FOLDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Offset:
    """A voter's own weights [blocks], as offsets from 1, and their leniency; from so many votes."""

    weights: Floats
    leniency: float
    votes: int


class Taste:
    """The recipe `taste`."""

    def check(self, data: VoteData, config: TasteConfig) -> None:
        """Raise TrainingError where there are too few votes."""
        require_votes(data, config.fewest)

    def run(
        self, data: VoteData, config: TasteConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        """Learn the common map and the offsets, measure, write both."""
        prepared = prepare_votes(
            data, fewest=config.fewest, directions=config.directions, labels=config.labels, seed=config.seed
        )
        block_of = prepared.basis.block_of
        pairs, folds = prepared.ballots.summed_pairs(), folds_of(data, _FOLDS, config.seed)
        judged = judge_choices(prepared.rows, prepared.deployed, block_of, pairs, folds, CHOICES["scale"])
        fresh = Scored(judged[0].deployed, judged[0].pairs) if judged else None
        fitted = fit_map(prepared.rows, block_of, pairs, "scale", SCALE_PULL)
        learnt_on, units = map_rows(prepared.rows, fitted.weights), map_rows(prepared.deployed, fitted.weights)
        ballots = prepared.ballots
        parts = block_contributions(learnt_on, block_of, ballots.query, ballots.candidate)
        hold, gain = (config.hold, None) if config.hold else _chosen_hold(parts, ballots, fitted, config)
        offsets = offsets_of(parts, ballots, fitted, fewest=config.personal_from, hold=hold)
        on_progress(EpochReport("voters", 1, 1, {"voters": float(len(offsets)), "loss": fitted.loss}))
        child = Answering("child", units, "cosine")
        metrics = {
            **vote_report(data, prepared.split, child, parents_of(data), fresh=fresh, seed=config.seed),
            "blocks": {name: float(np.exp(s)) for name, s in zip(prepared.basis.names, fitted.log_scales, strict=True)},
            "personal": {"voters": len(offsets), "hold": hold, "log_loss_gain": gain},
            "compare_by": "cosine",
        }
        card = card_of(data, prepared.split, "taste", metrics)
        write_head(workdir / ENCODER, data, prepared, fitted.weights, card)
        asked_queries = {voter: ballots.query[ballots.voter == voter] for voter in offsets}
        matches_shown = {
            voter: matches_for(
                units, block_of, asked_queries[voter], one.weights, data.sha256s, data.gallery_rows(), config.seed
            )
            for voter, one in offsets.items()
        }
        _write_offsets(workdir / VOTERS, data, prepared.basis.names, offsets, matches_shown)
        return Outcome(workdir / ENCODER, metrics, card)


def block_contributions(units: Floats32, block_of: Ids, query: Ids, candidate: Ids) -> Floats:
    """What each block brings to the cosine of each pair [T, blocks]; a row sums to the cosine."""
    product = (units[query] * units[candidate]).astype(np.float64)
    blocks = int(block_of.max()) + 1
    return np.column_stack([product[:, block_of == block].sum(axis=1) for block in range(blocks)])


def personal_scores(units: Floats32, block_of: Ids, query: int, weights: Floats) -> Floats:
    """How near every item [n] is to a query for a voter whose offsets these are."""
    scaled = units[query] * (1.0 + weights)[block_of].astype(np.float32)
    return np.asarray(units @ scaled, dtype=np.float64)


def offsets_of(parts: Floats, ballots: Ballots, fitted: Fitted, *, fewest: int, hold: float) -> dict[int, Offset]:
    """The offset of each voter with at least so many votes, by the voter's number."""
    offsets = {}
    votes = np.bincount(ballots.voter)
    for voter in np.flatnonzero(votes >= fewest).tolist():
        of_voter = ballots.voter == voter
        numbers = _fit_offset(parts[of_voter], ballots.like[of_voter], fitted, hold)
        offsets[voter] = Offset(numbers[:-1], float(numbers[-1]), int(votes[voter]))
    return offsets


def _fit_offset(parts: Floats, like: NDArray[np.bool_], fitted: Fitted, hold: float) -> Floats:
    """The minimum of this voter's cross-entropy plus hold / 2 times the squared offsets."""
    design = np.column_stack([fitted.scale * parts, np.ones(len(parts))])
    common = fitted.scale * parts.sum(axis=1) + fitted.shift
    # Leniency is common among people: it is held a tenth as much.
    holds = np.full(design.shape[1], hold)
    holds[-1] = hold / 10

    def loss_at(numbers: Floats) -> float:
        logit = common + design @ numbers
        return float(np.sum(np.logaddexp(0, logit) - like * logit) + holds @ numbers**2 / 2)

    def derivatives_at(numbers: Floats) -> tuple[Floats, Floats]:
        chance = 1 / (1 + np.exp(-np.clip(common + design @ numbers, -60, 60)))
        gradient = design.T @ (chance - like) + holds * numbers
        return gradient, design.T @ (design * (chance * (1 - chance))[:, None]) + np.diag(holds)

    return newton_minimum(np.zeros(len(holds)), loss_at, derivatives_at, close=1e-9, rounds=60)


def _chosen_hold(parts: Floats, ballots: Ballots, fitted: Fitted, config: TasteConfig) -> tuple[float, float | None]:
    """The hold with the least loss on votes that each voter's offset did not see, and what it gains over none."""
    is_left_out = np.random.default_rng(config.seed).random(len(ballots)) < _HELD_OUT
    has_enough = np.bincount(ballots.voter)[ballots.voter] >= config.personal_from
    # Of somebody all of whose votes were left out there is no offset to judge.
    has_offset = np.isin(ballots.voter, ballots.voter[~is_left_out])
    judged = is_left_out & has_enough & has_offset
    if not judged.any():
        return HOLDS[-1], None
    losses = []
    for hold in HOLDS:
        offsets = offsets_of(parts[~is_left_out], ballots.where(~is_left_out), fitted, fewest=1, hold=hold)
        numbers = np.array([[*offsets[v].weights, offsets[v].leniency] for v in ballots.voter[judged].tolist()])
        logit = fitted.scale * (parts[judged] * (1 + numbers[:, :-1])).sum(axis=1) + fitted.shift + numbers[:, -1]
        losses.append(float(np.mean(np.logaddexp(0, logit) - ballots.like[judged] * logit)))
    best = int(np.argmin(losses))
    return HOLDS[best], losses[-1] - losses[best]


def matches_for(
    units: Floats32,
    block_of: Ids,
    asked_queries: Ids,
    weights: Floats,
    sha256s: Sequence[str],
    gallery: Ids,
    seed: int,
) -> list[tuple[int, list[int]]]:
    """Some of the queries that a voter was asked, each with the items of the gallery nearest to their own taste.

    The query's own picture is no match to itself, under whatever key.
    """
    queries = np.unique(asked_queries)
    chosen = np.random.default_rng(seed).permutation(queries)[:SHOWN_QUERIES].tolist()
    matches = []
    for query in chosen:
        scores = personal_scores(units, block_of, query, weights)[gallery]
        order = gallery[np.argsort(-scores, kind="stable")].tolist()
        others = (row for row in order if row != query and sha256s[row] != sha256s[query])
        matches.append((query, list(itertools.islice(others, SHOWN_MATCHES))))
    return matches


def _write_offsets(
    path: Path,
    data: VoteData,
    names: tuple[str, ...],
    offsets: dict[int, Offset],
    matches_shown: dict[int, list[tuple[int, list[int]]]],
) -> None:
    record: dict[str, Any] = {
        "blocks": list(names),
        "voters": {
            data.voters[voter]: {
                "weights": offset.weights.tolist(),
                "leniency": offset.leniency,
                "votes": offset.votes,
                "matches": [
                    [data.keys[query], [data.keys[row] for row in rows]] for query, rows in matches_shown[voter]
                ],
            }
            for voter, offset in offsets.items()
        },
    }
    path.write_text(json.dumps(record), encoding="utf-8")


RECIPE = Taste()
