"""What the recipes of votes share: what may be learnt from, blocks, the checkpoint and its card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.checkpoint import HeadSpec, HeadTap, write_checkpoint
from models_registry.training.votes.block_pca import Basis, basis_of
from models_registry.training.votes.class_guesses import learn_guesses
from models_registry.training.votes.vote_data import require_votes
from models_registry.training.votes.vote_report import Answering
from models_registry.training.votes.vote_splits import VoteSplit, folds_of, split_votes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models_registry.encoders.checkpoint import LayerKind
    from models_registry.training.votes.vote_data import Ballots, Labels, VoteData

    Floats32 = NDArray[np.float32]

ENCODER = "encoder"
TAP = "embedding"
GUESS_FOLDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Base vectors [n, d], the split, the ballots to learn from, and the vectors in blocks.

    `rows` [n, K] are what maps are learnt on, with guesses that did not see the item's own label; `deployed` [n, K]
    are what the encoder gives.
    """

    vectors: Floats32
    split: VoteSplit
    ballots: Ballots
    basis: Basis
    rows: Floats32
    deployed: Floats32


def prepare_votes(
    data: VoteData, *, fewest: int, directions: int, labels: bool, seed: int, lifted: bool = False
) -> Prepared:
    """Split, refuse where too little is left, and bring the base vectors into blocks."""
    vectors = data.base_matrix()
    split = split_votes(data, vectors)
    require_votes_to_learn(data, split, fewest)
    basis = basis_of(vectors, data.spans, directions=directions, seed=seed)
    linear = basis.linear_blocks(vectors)
    folds = folds_of(data, GUESS_FOLDS, seed)
    guesses_and_chances = (
        learn_guesses(linear, _labels_outside_test(data.categories, split), folds, seed=seed) if labels else None
    )
    if guesses_and_chances is not None:
        basis = basis.with_guesses(guesses_and_chances[0])
    if lifted:
        basis = basis.with_length()
    rows = basis.block_rows(linear, None if guesses_and_chances is None else guesses_and_chances[1])
    return Prepared(vectors, split, data.ballots.where(split.learn), basis, rows, basis.rows_of_vectors(vectors))


def require_votes_to_learn(data: VoteData, split: VoteSplit, fewest: int) -> None:
    """Raise TrainingError where the splits leave too few votes, or votes that all say the same."""
    require_votes(replace(data, ballots=data.ballots.where(split.learn), name=f"{data.name} (test part apart)"), fewest)


def parents_of(data: VoteData) -> list[Answering]:
    """Contenders of the study, the leader first."""
    return [Answering(one.name, one.vectors.rows(0, len(data.keys)), one.metric) for one in data.rivals if one.competed]


def map_rows(rows: Floats32, head: Floats32) -> Floats32:
    """Unit vectors [n, m] of rows [n, k] under a map [k, m]."""
    vectors = rows @ head
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def write_head(folder: Path, data: VoteData, prepared: Prepared, head: Floats32, card: dict[str, Any]) -> None:
    """A checkpoint of the blocks and the map [K, m] behind them, at length 1, over the base."""
    basis = prepared.basis
    weight, bias = basis.map_over_blocks(head)
    layers: tuple[LayerKind, ...] = ("centre", "linear", "normalise")
    tensors = {"0.mean": basis.mean}
    if basis.guesses is None:
        # Blocks and map are one matrix.
        tensors |= {"1.weight": np.asarray(weight @ basis.to_block, dtype=np.float32), "1.bias": bias}
    else:
        layers = ("centre", "linear", "guesses", "linear", "normalise")
        tensors |= {"1.weight": basis.to_block, "1.bias": np.zeros(len(basis.to_block), dtype=np.float32)}
        tensors |= {"2.weight": basis.guesses.weight, "2.bias": basis.guesses.bias, "3.weight": weight, "3.bias": bias}
    spec = HeadSpec(layers, (HeadTap(TAP, len(weight), len(layers)),))
    write_encoder(folder, data, prepared, spec, tensors, card)


def write_encoder(
    folder: Path,
    data: VoteData,
    prepared: Prepared,
    head: HeadSpec,
    tensors: Mapping[str, Floats32],
    card: dict[str, Any],
    *,
    backbone: Mapping[str, Floats32] | None = None,
) -> None:
    """A checkpoint of this head over the base, or over the base's network with weights of its own."""
    learnt_items = np.unique(np.concatenate([prepared.ballots.query, prepared.ballots.candidate]))
    write_checkpoint(
        folder,
        base=data.base,
        base_tap=data.base_tap,
        head=head,
        tensors=tensors,
        backbone=backbone,
        card=card,
        trained_on=[data.sha256s[row] for row in learnt_items.tolist()],
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
        "measured": metrics.get("both"),
        "limits": "Learnt from votes on what others put first; only fresh votes say whether people like it.",
    }


def _labels_outside_test(labels: Labels, split: VoteSplit) -> Labels:
    """Labels of items outside the test part: what is measured on it must not be learnt from it."""
    return [None if held else label for label, held in zip(labels, split.held_out.tolist(), strict=True)]
