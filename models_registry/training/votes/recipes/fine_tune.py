"""`fine-tune`: the network itself goes on from where the adapter ends, by its last block or by changes of low rank.

1. The adapter's map is learnt over the frozen network; its shape and strength are chosen by folds that hold items.
2. The map W and the last block before the tap learn on together, from the pictures that people judged:

    z = normalise(W f(x)),   P(like | q, c) = sigmoid(t z_q . z_c + b)
    loss = weighted mean cross-entropy + strength (|f - f0|² / |f0|² + |W - W0|² / |W0|²)

3. Pairs of which neither item was learnt from say when to stop; the best epoch is kept, be it the one before the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.encoders.torch_encoder import torch_device, training_device
from models_registry.errors import EncoderError
from models_registry.training.common.backbones import Backbone, TunedNetwork
from models_registry.training.common.heads import Centre, Guesses, Normalise, export_head
from models_registry.training.common.recipe_base import OnProgress, Outcome
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.labels.batch_sampler import shuffled_batches
from models_registry.training.labels.run_context import digest_of
from models_registry.training.votes.last_block import Pull, last_block, merge_low_rank, with_low_rank
from models_registry.training.votes.recipes.adapter import chosen_map
from models_registry.training.votes.vote_data import require_votes
from models_registry.training.votes.vote_report import Answering, vote_report
from models_registry.training.votes.vote_run import ENCODER, TAP, card_of, parents_of, prepare_votes, write_encoder
from models_registry.training.votes.vote_splits import folds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.training.votes.block_pca import Basis
    from models_registry.training.votes.map_fitting import Fitted
    from models_registry.training.votes.vote_configs import FineTuneConfig
    from models_registry.training.votes.vote_data import Pairs, VoteData
    from models_registry.training.votes.vote_run import Prepared

    Floats32 = NDArray[np.float32]
    Ids = NDArray[np.int64]

_FEWEST_JUDGED = 10


class FineTune:
    """The recipe `fine-tune`."""

    def check(self, data: VoteData, config: FineTuneConfig) -> None:
        """Raise TrainingError for too few votes, a device that is not there, or a network that cannot change here."""
        require_votes(data, config.fewest)
        _device_of(config)
        Backbone.require_tunable(data, instead="learn a map over it with adapter")

    def run(
        self, data: VoteData, config: FineTuneConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        """Learn, measure on the test votes, write the checkpoint. Minutes on a GPU; goes on from its last epoch."""
        prepared = prepare_votes(
            data, fewest=config.fewest, directions=config.directions, labels=config.labels, seed=config.seed
        )
        learnt, judged = _part_pairs(
            prepared.ballots.summed_pairs(), folds_of(data, config.folds, config.seed) == 0, data.name
        )
        chosen = chosen_map(data, config, prepared, learnt, on_progress)
        model = _Model.from_prepared(data, config, prepared, chosen.fitted)
        task = _training_task(model, learnt, judged, config)
        digest = digest_of("fine-tune", config, data)
        fitted = fit(task, config, workdir, digest, on_progress=on_progress, resume=resume)
        merge_low_rank(model.block)
        child = Answering("child", model.backbone.head_vectors(model.head, np.arange(len(data.keys))), "cosine")
        metrics = {
            **vote_report(data, prepared.split, child, parents_of(data), seed=config.seed),
            "chosen": {"shape": chosen.choice.shape, "strength": chosen.choice.strength},
            "tuned": {"how": config.tune, "weights": sum(p.numel() for one in model.tuned for p in one.parameters())},
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            "compare_by": "cosine",
        }
        card = card_of(data, prepared.split, "fine-tune", metrics)
        head, tensors = export_head(list(model.head), [(TAP, len(model.head))])
        write_encoder(
            workdir / ENCODER, data, prepared, head, tensors, card, backbone=model.backbone.exported_weights()
        )
        return Outcome(workdir / ENCODER, metrics, card)


class Likes(nn.Module):
    """Log-odds of a like [P] from unit vectors of queries and candidates [P, m]: t z_q . z_c + b."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, queries: Tensor, candidates: Tensor) -> Tensor:
        return self.log_scale.exp() * (queries * candidates).sum(1) + self.shift


def _device_of(config: FineTuneConfig) -> torch.device:
    try:
        return training_device() if config.device == "auto" else torch_device(config.device)
    except EncoderError as error:
        raise TrainingError(str(error)) from error


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """The network, its `block` that changes, what is `tuned` of it, the map behind it, and t and b."""

    backbone: TunedNetwork
    block: Sequence[nn.Module]
    tuned: Sequence[nn.Module]
    head: nn.Sequential
    likes: Likes

    @classmethod
    def from_prepared(cls, data: VoteData, config: FineTuneConfig, prepared: Prepared, start: Fitted) -> _Model:
        torch.manual_seed(config.seed)
        device = _device_of(config)
        backbone = TunedNetwork(data, augment=config.augment, device=device)
        backbone.network.requires_grad_(requires_grad=False)
        block = last_block(backbone.deep, data.base_tap)
        tuned = with_low_rank(block, config.rank) if config.tune == "lora" else block
        for module in tuned:
            module.requires_grad_(requires_grad=True)
        head = nn.Sequential(*_before_the_map(prepared.basis), _map_of(prepared.basis, start), Normalise())
        return cls(backbone, block, tuned, head.to(device), Likes(start.scale, start.shift).to(device))

    def trained_module(self) -> nn.Module:
        """All that changes; the frozen part of the network is no part of a run's checkpoints."""
        return nn.ModuleDict({"tuned": nn.ModuleList(self.tuned), "head": self.head, "likes": self.likes})

    def cross_entropy(self, pairs: Pairs, batch: Ids, *, training: bool) -> Tensor:
        """Weighted mean cross-entropy of these of the pairs; an item that occurs twice goes through once."""
        items, row_of_end = np.unique(np.concatenate([pairs.query[batch], pairs.candidate[batch]]), return_inverse=True)
        units = self.head(self.backbone.base_vectors(items, training=training))
        query, candidate = torch.from_numpy(row_of_end.reshape(2, -1)).to(units.device)
        share, weight = (
            torch.from_numpy(column[batch].astype(np.float32)).to(units.device)
            for column in (pairs.share, pairs.weight)
        )
        logits = self.likes(units[query], units[candidate])
        entropies = nn.functional.binary_cross_entropy_with_logits(logits, share, reduction="none")
        return (weight * entropies).sum() / weight.sum()


def _before_the_map(basis: Basis) -> Sequence[nn.Module]:
    """Centre, blocks and guesses; with guesses the blocks stay as they are, since these were learnt over them."""
    centre = Centre(torch.from_numpy(basis.mean))
    if basis.guesses is None:
        return [centre]
    blocks = _linear_layer(basis.to_block, np.zeros(len(basis.to_block), dtype=np.float32)).requires_grad_(
        requires_grad=False
    )
    return [centre, blocks, Guesses(torch.from_numpy(basis.guesses.weight), torch.from_numpy(basis.guesses.bias))]


def _map_of(basis: Basis, start: Fitted) -> nn.Linear:
    """The map that learns on; without guesses the blocks are in it."""
    weight, bias = basis.map_over_blocks(start.weights)
    return _linear_layer(weight if basis.guesses is not None else weight @ basis.to_block, bias)


def _linear_layer(weight: Floats32, bias: Floats32) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], len(weight))
    layer.load_state_dict(
        {"weight": torch.from_numpy(np.array(weight, dtype=np.float32)), "bias": torch.from_numpy(bias)}
    )
    return layer


def _part_pairs(pairs: Pairs, is_held_out: NDArray[np.bool_], name: str) -> tuple[Pairs, Pairs]:
    """Pairs of items to learn from, and pairs of held-out items to judge by; those across are in neither."""
    inside = is_held_out[pairs.query].astype(int) + is_held_out[pairs.candidate]
    learnt, judged = pairs.where(inside == 0), pairs.where(inside == 2)
    if len(judged) < _FEWEST_JUDGED:
        raise TrainingError(
            f"{name} has {len(judged)} pairs of two held-out items to tell when to stop, and {_FEWEST_JUDGED} are "
            "needed: let people vote on, or learn a map with adapter."
        )
    return learnt, judged


def _training_task(model: _Model, learnt: Pairs, judged: Pairs, config: FineTuneConfig) -> Task:
    trained = model.trained_module()
    pulls = (Pull(model.block), Pull([model.head[-2]]))

    def draw_batches(pairs: Pairs, rng: np.random.Generator) -> Sequence[Ids]:
        return list(shuffled_batches(np.arange(len(pairs)), config.batch_size, rng))

    def batch_loss(batch: Ids) -> tuple[Tensor, dict[str, float]]:
        entropy = model.cross_entropy(learnt, batch, training=True)
        pull = pulls[0]() + pulls[1]()
        return entropy + config.strength * pull, {
            "cross_entropy": float(entropy.detach()),
            "moved": float(pull.detach()),
        }

    def measure_validation() -> Measured:
        parts = draw_batches(judged, np.random.default_rng(0))
        weights = [float(judged.weight[part].sum()) for part in parts]
        missed = float(
            np.average([float(model.cross_entropy(judged, part, training=False)) for part in parts], weights=weights)
        )
        return Measured(-missed, {"validation_loss": missed})

    optimiser = torch.optim.Adam(trained.parameters(), lr=config.learning_rate)
    return Task(trained, optimiser, lambda _epoch, rng: draw_batches(learnt, rng), batch_loss, measure_validation)


RECIPE = FineTune()
