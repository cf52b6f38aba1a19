"""Rules that a recipe would break without a word: each alone, on a handful of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models_registry.training.common.heads import export_head
from models_registry.training.common.training_errors import TrainingError, UnusableLabels
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.labels.attributes import AttributeTable
from models_registry.training.labels.batch_sampler import BalancedSampler
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import LoopConfig, TripletConfig
from models_registry.training.labels.losses import reviewed_loss
from models_registry.training.labels.run_context import Session, require_domains
from models_registry.training.votes.recipes.vote_triplets import (
    VoteTripletsConfig,
    _train_map,
    _triplet_accuracy,
    triplets_of,
)
from models_registry.training.votes.vote_data import require_votes
from tests.models_registry.training.clouds import clouds
from tests.models_registry.training.test_reviewed import CASES, task_of
from tests.models_registry.training.votes.crowd import votes_of, with_ballots, world


def test_what_is_trained_is_left_ready_for_use_also_where_it_was_trained_before(tmp_path: Path) -> None:
    for resume in (False, True):
        module = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5))

        def loss(_batch: int, module: nn.Module = module) -> tuple[torch.Tensor, dict[str, float]]:
            assert module.training
            return module(torch.ones(1, 1)).sum(), {}

        steps = torch.optim.SGD(module.parameters(), lr=0.1)
        task = Task(module, steps, lambda _epoch, _rng: [1], loss, lambda: Measured(0.0, {}))
        fit(task, LoopConfig(epochs=2), tmp_path, "digest", on_progress=lambda _report: None, resume=resume)
        assert not module.training


def test_a_batch_norm_is_kept_as_the_map_that_it_is() -> None:
    norm = nn.BatchNorm1d(3, eps=0.25)
    norm.running_mean = torch.tensor([1.0, -2.0, 0.5])
    norm.running_var = torch.tensor([0.5, 4.0, 1.0])
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 0.5, 1.0]))
        norm.bias.copy_(torch.tensor([0.0, 1.0, -1.0]))
    norm.eval()
    _, tensors = export_head([norm], [("out", 1)])
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    found = rows.numpy() * tensors["0.scale"] + tensors["0.shift"]
    assert found == pytest.approx(norm(rows).detach().numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("shares", "is_right"),
    [
        ((0.1, 0.2), True), ((0.0, 0.2), False), ((1.0, 0.2), False), ((0.1, 0.0), False), ((0.5, 0.5), False),
        ((0.5, 0.49), True),
    ],
)  # fmt: skip
def test_shares_of_a_split_leave_something_in_every_part(shares: tuple[float, float], is_right: bool) -> None:
    words: dict[str, Any] = dict(zip(("validation_share", "test_share"), shares, strict=True))
    if is_right:
        LoopConfig(**words)
        return
    with pytest.raises(ValueError, match="leave something to train on"):
        LoopConfig(**words)


def test_an_attribute_of_one_value_tells_nothing_apart() -> None:
    data = clouds(products=8)
    colours = [{"colour": "red" if row % 2 else "blue", "made": "here"} for row in range(len(data))]
    assert AttributeTable.from_pictures(replace(data, attributes=colours)).names == ("category", "colour")


def test_two_products_in_both_domains_are_enough_and_one_is_not() -> None:
    data = clouds(products=4)

    def shared_by(products: int) -> Any:
        wanted = {f"product-{number}" for number in range(products)}
        domains = [
            domain if product in wanted else "shop" for product, domain in zip(data.products, data.domains, strict=True)
        ]
        return replace(data, domains=domains)

    require_domains(shared_by(2), "street", "shop")
    with pytest.raises(UnusableLabels, match="Fewer than two products"):
        require_domains(shared_by(1), "street", "shop")


def test_as_many_votes_as_are_needed_are_enough() -> None:
    data = votes_of(world(), votes=40)
    count = len(data.ballots)
    require_votes(data, count)
    with pytest.raises(TrainingError, match=f"{count + 1} are needed"):
        require_votes(data, count + 1)


def test_a_batch_of_one_group_takes_another_along_and_larger_ones_do_not() -> None:
    rows, group_of = np.arange(8), np.repeat(np.arange(4), 2)
    rng = np.random.default_rng(0)

    def groups(asked: int, categories: list[int]) -> list[int]:
        kinds = np.repeat(categories, 2)
        sampler = BalancedSampler(rows, group_of, kinds, groups=asked, per_group=2, categories=1)
        return [len(set(group_of[batch].tolist())) for batch in sampler.draw_batches(20, rng)]

    assert set(groups(1, [0, 1, 2, 3])) == {2}
    assert set(groups(2, [0, 0, 0, 0])) == {2}
    assert set(groups(3, [0, 0, 0, 0])) == {3}


def test_each_group_of_a_batch_across_domains_brings_both_and_no_more(tmp_path: Path) -> None:
    data = clouds(products=12)
    config = TripletConfig(by="domains", query_domain="street", gallery_domain="shop", groups=4, per_group=2)
    groups = Groups.from_session(Session("triplet", data, config, tmp_path), config)
    for batch in groups.draw_batches(np.random.default_rng(0)):
        for product in {data.products[row] for row in batch}:
            sides = [data.domains[row] for row in batch if data.products[row] == product]
            assert set(sides) == {"street", "shop"}
            assert len(sides) <= 3
            assert len(sides) == 2 or len(set(sides[:2])) == 1


def test_what_people_accepted_adds_its_loss_to_the_tasks_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = clouds(products=12, pictures=4)
    task = task_of("multi-task", data, tmp_path, monkeypatch, **CASES["multi-task"])
    heads = task.module
    rows, _ = next(iter(task.batches(1, np.random.default_rng(0))))
    products = torch.tensor([int(data.products[row].partition("-")[2]) for row in rows])  # type: ignore[union-attr]
    # Told the wrong way round, so that the margin is missed.
    accepted = np.array([[rows[0], row, other] for row, other in [(rows[-1], rows[1])]])
    heads.eval()

    def loss(triplets: np.ndarray) -> float:
        return float(heads.task_losses(rows, triplets, products, frozenset({"triplet"}))["triplet"].detach())  # type: ignore[operator]

    seen = heads.head(heads.backbone.base_vectors(accepted.T.ravel(), training=True))  # type: ignore[operator, union-attr]
    added = float(reviewed_loss(seen, heads._margin).detach())  # type: ignore[arg-type]
    assert added > 0
    assert loss(accepted) == pytest.approx(loss(np.empty((0, 3), dtype=np.int64)) + added, rel=1e-3)


def test_vote_triplets_move_the_map_towards_what_was_liked() -> None:
    place = world()
    data = votes_of(place, votes=3000)
    triplets = triplets_of(data.ballots.summed_pairs())
    rows = np.concatenate([place.shapes, place.colours], axis=1)
    held = np.zeros(len(rows), dtype=bool)
    held[::3] = True
    config = VoteTripletsConfig(epochs=30, replay=0.0)
    head, best = _train_map(rows, triplets, held, [None] * len(rows), config, lambda _report: None)
    inside = held[triplets.query].astype(int) + held[triplets.liked] + held[triplets.noped]
    before = _triplet_accuracy(
        torch.from_numpy(rows), torch.zeros(rows.shape[1], rows.shape[1]), triplets.where(inside >= 2)
    )
    assert not np.array_equal(head, np.eye(len(head), dtype=np.float32))
    assert best is not None
    assert before is not None
    assert best > before + 0.05


def test_one_sided_votes_are_refused() -> None:
    data = votes_of(world(), votes=40)
    for side in (True, False):
        said = replace(data.ballots, like=np.full(len(data.ballots), side))
        with pytest.raises(TrainingError, match="say the same"):
            require_votes(with_ballots(data, said), 1)
