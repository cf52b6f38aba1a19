"""Rules that a recipe would break without a word: each alone, on a handful of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models_registry.evaluate.corruptions import CORRUPTIONS, Corruption
from models_registry.spec import Preprocess
from models_registry.training.common import training_pixels
from models_registry.training.common.backbones import Backbone
from models_registry.training.common.heads import export_head
from models_registry.training.common.training_errors import TrainingError, UnusableLabels
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.labels.attributes import AttributeTable
from models_registry.training.labels.batch_sampler import BalancedSampler
from models_registry.training.labels.class_whitening import _scatter_within_groups
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import LoopConfig, TripletConfig
from models_registry.training.labels.losses import reviewed_loss
from models_registry.training.labels.recipes.deep_ranking import CloseNegatives, with_reviewed
from models_registry.training.labels.recipes.triplet import _batch_distances
from models_registry.training.labels.reviewed_triplets import Reviewed
from models_registry.training.labels.run_context import Session, require_domains, require_products
from models_registry.training.labels.validation import Map
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


@pytest.mark.parametrize(("reds", "is_told"), [(1, False), (2, True)])
def test_a_value_of_two_pictures_tells_them_apart_and_one_of_a_single_picture_does_not(
    reds: int, is_told: bool
) -> None:
    data = clouds(products=8)
    colours = [{"colour": "red" if row < reds else "blue"} for row in range(len(data))]
    names = AttributeTable.from_pictures(replace(data, attributes=colours)).names
    assert ("colour" in names) == is_told


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


def test_distances_in_a_batch_are_of_different_pictures() -> None:
    vectors = torch.tensor([[0.0], [1.0], [3.0], [10.0]])
    found = _batch_distances(vectors, torch.tensor([7, 7, 8, 9]))
    assert found == pytest.approx({"distance_same": 1.0, "distance_other": (3 + 2 + 10 + 9 + 7) / 5})
    assert _batch_distances(vectors[:2], torch.tensor([7, 7])) == {"distance_same": 1.0, "distance_other": 0.0}
    assert _batch_distances(vectors[:2], torch.tensor([7, 8])) == {"distance_same": 0.0, "distance_other": 1.0}


@pytest.mark.parametrize(("count", "shown"), [(299, 299), (300, 300), (301, 300), (900, 300)])
def test_a_map_shows_all_pictures_or_three_hundred_from_the_first_to_the_last(count: int, shown: int) -> None:
    table = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    plane = Map([f"key-{row}" for row in range(count)], np.arange(count), lambda rows: table[rows])
    assert (plane.keys[0], plane.keys[-1]) == ("key-0", f"key-{count - 1}")
    assert len(set(plane.keys)) == shown
    assert len(plane.plane_positions()) == shown


def test_a_map_shows_the_two_directions_in_which_pictures_vary_most() -> None:
    rng = np.random.default_rng(1)
    flat = rng.normal(size=(50, 2)) * [3, 1]
    table = np.concatenate([flat, 0.01 * rng.normal(size=(50, 4))], axis=1) @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    tables = iter([table + 5, -table])
    plane = Map([""] * 50, np.arange(50), lambda _rows: next(tables).astype(np.float32))
    first = np.array(plane.plane_positions())
    assert np.abs(first).max() == pytest.approx(1)
    centred = flat - flat.mean(axis=0)
    # Every distance is that of the plane in which they lie, on one scale; mirrored vectors leave the map as it was.
    shares = np.linalg.norm(first[1:] - first[:-1], axis=1) / np.linalg.norm(centred[1:] - centred[:-1], axis=1)
    assert shares == pytest.approx(np.full(49, shares[0]), rel=0.05)
    assert np.array(plane.plane_positions()) == pytest.approx(first, abs=1e-3)


def test_a_map_of_one_picture_or_of_equal_ones_is_a_point() -> None:
    for count in (1, 4):
        plane = Map([""] * count, np.arange(count), lambda rows: np.ones((len(rows), 3), dtype=np.float32))
        assert plane.plane_positions() == ((0.0, 0.0),) * count


@pytest.mark.parametrize("is_training", [True, False])
def test_vectors_are_looked_at_without_drop_out_and_training_goes_on(is_training: bool) -> None:
    table = torch.arange(1.0, 41).reshape(20, 2)
    features = SimpleNamespace(dim=2, take=lambda rows: table[torch.from_numpy(rows)])
    head = nn.Sequential(nn.Dropout(0.5)).train(is_training)
    backbone = Backbone(SimpleNamespace(features=features))  # type: ignore[arg-type]
    assert backbone.head_vectors(head, np.arange(3, 9)).tolist() == table[3:9].tolist()
    assert head.training == is_training


def test_one_anchor_is_enough_to_mine_for_and_none_is_not() -> None:
    group_of = np.array([0, 0, 1, 2])
    is_query = np.array([True, False, False, False])
    assert CloseNegatives(np.arange(4), group_of, is_query, 2).has_anchors
    assert not CloseNegatives(np.arange(1, 4), group_of, is_query, 2).has_anchors
    assert CloseNegatives(np.arange(3), group_of, None, 2).has_anchors
    assert not CloseNegatives(np.arange(1, 4), group_of, None, 2).has_anchors


def test_pictures_are_varied_as_often_and_as_strongly_as_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: dict[str, list[float]] = {}

    def noted(name: str) -> Corruption:
        def note(image: Image.Image, strength: float, _rng: np.random.Generator) -> Image.Image:
            happened.setdefault(name, []).append(strength)
            return image

        return Corruption(name, "", note)

    monkeypatch.setattr(training_pixels, "CORRUPTIONS", {name: noted(name) for name in CORRUPTIONS})
    pixels = training_pixels.Pixels([], Preprocess(size=(8, 8)), augment=0.4)
    image, rng = Image.new("RGB", (8, 8)), np.random.default_rng(0)
    for _ in range(4000):
        pixels._vary_picture(image, rng)
    shares = {"flip": 0.5, "crop": 0.6, "jpeg": 0.1, "shrink": 0.1, "scribble": 0.1, "text": 0.1}
    assert {name: len(strengths) / 4000 for name, strengths in happened.items()} == pytest.approx(shares, abs=0.03)
    for strengths in happened.values():
        assert np.mean(strengths) == pytest.approx(0.2, abs=0.03)
        assert (min(strengths) >= 0, max(strengths) <= 0.4) == (True, True)


def test_the_scatter_of_groups_is_that_of_a_loop_over_sides_and_steps() -> None:
    """Within each group's pictures of one domain, and from one domain's mean to the other's where it has both."""
    rng = np.random.default_rng(3)
    vectors, codes = torch.from_numpy(rng.standard_normal((40, 5))), torch.from_numpy(rng.integers(6, size=40))
    is_query = torch.from_numpy(rng.random(40) < 0.4) & (codes != 2)
    within, across, steps = np.zeros((5, 5)), np.zeros((5, 5)), 0
    for group in range(6):
        means = []
        for side in (True, False):
            part = vectors[(codes == group) & (is_query == side)].numpy()
            if len(part):
                means.append(part.mean(axis=0))
                within += sum(np.outer(row - means[-1], row - means[-1]) for row in part)
        if len(means) == 2:
            across += np.outer(means[0] - means[1], means[0] - means[1])
            steps += 1
    assert steps == 5
    expected = within / 40 + across / steps
    found = _scatter_within_groups(vectors, codes, is_query).numpy()
    assert found == pytest.approx(expected / (np.trace(expected) / 5))


def test_two_products_with_two_pictures_each_are_enough_and_one_is_not() -> None:
    data = clouds(products=2, pictures=2)
    require_products(data)
    with pytest.raises(UnusableLabels, match="Fewer than two products"):
        require_products(replace(data, products=["a", "a", "b", None]))


def test_accepted_triplets_are_a_quarter_of_the_mined_ones_at_most() -> None:
    mined = np.arange(120, dtype=np.int64).reshape(40, 3)
    accepted = 1000 + np.arange(300, dtype=np.int64).reshape(100, 3)
    reviewed = Reviewed(accepted=accepted, rejected=mined[:4])
    found = with_reviewed(mined, reviewed, np.random.default_rng(0))
    assert len(found) == 36 + 10
    assert (found[:, 0] >= 1000).sum() == 10
