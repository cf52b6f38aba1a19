"""`deep-ranking`: the tower that begins as the identity, the negatives that are near, and the loss of its batches."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from models_registry.training.common.backbones import Backbone
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import DeepRankingConfig
from models_registry.training.labels.recipes.deep_ranking import (
    RECIPE,
    CloseNegatives,
    _held_out,
    begin_as_identity,
    ranking_tower,
    with_reviewed,
)
from models_registry.training.labels.reviewed_triplets import Reviewed
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.clouds import clouds
from tests.models_registry.training.test_reviewed import task_of

Ids = NDArray[np.int64]

DATA = clouds(products=24)


def _tower(width: int, wide: int, dim: int) -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Linear(width, wide), nn.ReLU(), nn.Dropout(0.4), nn.Linear(wide, dim), nn.BatchNorm1d(dim)]


@pytest.mark.parametrize("size", [1.0, 1e-3])
def test_the_tower_gives_vectors_back_also_where_they_hardly_differ(size: float) -> None:
    vectors = size * torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
    layers = _tower(6, 13, 6)
    begin_as_identity(layers, vectors)
    assert torch.allclose(nn.Sequential(*layers).eval()(vectors), vectors, atol=1e-5 * size)


def test_units_beyond_the_pairs_stay_as_they_were_drawn_and_are_not_listened_to() -> None:
    layers = _tower(8, 13, 4)
    drawn = _tower(8, 13, 4)
    begin_as_identity(layers, torch.randn(20, 4))
    first, second, untouched = layers[0], layers[3], drawn[0]
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    assert isinstance(untouched, nn.Linear)
    assert torch.equal(first.weight[8:], untouched.weight[8:])
    assert torch.equal(first.bias[8:], untouched.bias[8:])
    assert not torch.any(first.bias[:8])
    assert not torch.any(second.weight[:, 8:])
    x = torch.randn(5, 8)
    relu = nn.functional.relu(first(x))
    assert torch.allclose(nn.functional.linear(relu, second.weight), x[:, :4], atol=1e-6)


@pytest.mark.parametrize("wrong", [0, 3, 4])
def test_layers_that_are_no_tower_are_refused(wrong: int) -> None:
    layers = _tower(4, 8, 4)
    layers[wrong] = nn.ReLU()
    with pytest.raises(TypeError, match="dense, ReLU, dropout, dense, batch norm"):
        begin_as_identity(layers, torch.randn(9, 4))


@pytest.mark.parametrize("whiten", [True, False])
def test_the_tower_is_the_same_for_the_same_seed_and_its_whitening_is_not_trained(whiten: bool, tmp_path: Path) -> None:
    config = DeepRankingConfig(dim=8, wide=20, whiten=whiten, seed=3)
    session = Session("deep-ranking", DATA, config, tmp_path)
    groups = Groups.from_session(session, config)
    torch.manual_seed(99)
    one = ranking_tower(session, groups, config).eval()
    two = ranking_tower(session, groups, config).eval()
    rows = session.splits["train"]
    features = session.features.take(rows)
    assert torch.equal(one(features), two(features))
    trained = {name for name, values in one.named_parameters() if values.requires_grad}
    last = len(one) - 1
    assert trained == {f"{layer}.{part}" for layer in (last - 4, last - 1, last) for part in ("weight", "bias")}
    assert one(features).shape == (len(rows), 8)
    if whiten:
        whitened = one[: last - 4](features)
        assert torch.allclose(one(features), whitened, atol=1e-4)
        assert torch.allclose(whitened.norm(dim=1), torch.ones(len(rows)), atol=1e-5)


def _nearest_wrong(vectors: torch.Tensor, group_of: Ids, anchor: int, answers: list[int], close: int) -> list[int]:
    wrong = np.array([row for row in answers if group_of[row] != group_of[anchor]], dtype=np.int64)
    distances = (vectors[wrong] - vectors[anchor]).norm(dim=1).numpy()
    return [int(row) for row in wrong[np.argsort(distances)][:close]]


@pytest.mark.parametrize(("seed", "close"), [(0, 1), (1, 3), (2, 100)])
@pytest.mark.parametrize("by_domains", [False, True])
def test_each_anchor_is_mined_all_of_its_nearest_wrong_answers_and_no_other(
    seed: int, close: int, by_domains: bool
) -> None:
    rng = np.random.default_rng(seed)
    vectors = torch.from_numpy(rng.standard_normal((16, 3)).astype(np.float32))
    group_of = rng.permutation([0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, -1, -1])
    is_query = rng.random(16) < 0.5 if by_domains else None
    rows = np.arange(16)[rng.permutation(16)]
    miner = CloseNegatives(rows, group_of, is_query, close)
    seen: set[tuple[int, int, int]] = set()
    for _ in range(40):
        seen |= {tuple(line) for line in miner.mine_triplets(vectors, 10_000, rng).tolist()}
    grouped = [row for row in range(16) if group_of[row] >= 0]
    anchors = grouped if is_query is None else [row for row in grouped if is_query[row]]
    answers = grouped if is_query is None else [row for row in grouped if not is_query[row]]
    expected = {
        (anchor, positive, negative)
        for anchor in anchors
        for positive in answers
        if positive != anchor and group_of[positive] == group_of[anchor]
        for negative in _nearest_wrong(vectors, group_of, anchor, answers, close)
    }
    # Of a hundred close ones, hundreds of triplets, some are never drawn.
    assert seen <= expected
    assert len(seen) > 0.95 * len(expected)
    assert miner.has_anchors == bool(expected)
    assert {line[2] for line in seen} == {line[2] for line in expected}


def test_an_anchor_is_asked_for_four_triplets_at_most() -> None:
    group_of = np.repeat(np.arange(5), 2)
    miner, rng = CloseNegatives(np.arange(10), group_of, None, close=2), np.random.default_rng(0)
    vectors = torch.randn(10, 2)
    assert [len(miner.mine_triplets(vectors, count, rng)) for count in (1, 39, 40, 41, 999)] == [1, 39, 40, 40, 40]


def test_where_nothing_is_wrong_nothing_is_mined_and_one_wrong_answer_is_the_only_one() -> None:
    rng = np.random.default_rng(0)
    vectors = torch.randn(6, 2)
    alone = CloseNegatives(np.arange(6), np.zeros(6, dtype=np.int64), None, close=3)
    assert alone.mine_triplets(vectors, 12, rng).shape == (0, 3)
    one_other = CloseNegatives(np.arange(6), np.array([1, 0, 0, 0, 0, 0]), None, close=3)
    mined = one_other.mine_triplets(vectors, 100, rng)
    assert len(mined) == 20
    assert set(mined[:, 2].tolist()) == {0}


def test_a_picture_without_another_of_its_group_is_no_anchor() -> None:
    group_of = np.array([0, 1, 2, 2])
    mined = CloseNegatives(np.arange(4), group_of, None, 3).mine_triplets(
        torch.randn(4, 2), 8, np.random.default_rng(0)
    )
    assert set(mined[:, 0].tolist()) == {2, 3}
    assert not CloseNegatives(np.arange(3), group_of, None, 3).has_anchors


def test_many_anchors_are_mined_as_a_few_are() -> None:
    """More than are looked at in one go."""
    rng = np.random.default_rng(0)
    vectors = torch.from_numpy(rng.standard_normal((400, 2)).astype(np.float32))
    group_of = np.arange(400) % 50
    mined = CloseNegatives(np.arange(400), group_of, None, close=1).mine_triplets(vectors, 1100, rng)
    assert len(mined) == 1100
    for anchor, positive, negative in mined.tolist():
        assert group_of[anchor] == group_of[positive]
        assert [negative] == _nearest_wrong(vectors, group_of, anchor, list(range(400)), 1)


@pytest.mark.parametrize(
    ("triplets", "sizes"), [(8, [4, 4]), (9, [4, 4]), (10, [4, 4, 2]), (11, [4, 4, 3]), (2, [2]), (1, [])]
)
def test_batches_share_the_mined_triplets_out_and_a_single_one_at_the_end_is_left(
    triplets: int, sizes: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"triplets": triplets, "batch_size": 4, "dim": 8, "wide": 16}
    task = task_of("deep-ranking", DATA, tmp_path, monkeypatch, **settings)
    batches = list(task.batches(1, np.random.default_rng(0)))
    assert [len(batch) for batch in batches] == sizes
    mined = Counter(tuple(line) for batch in batches for line in batch.tolist())
    for anchor, positive, negative in mined:
        assert DATA.products[anchor] == DATA.products[positive] != DATA.products[negative]


@pytest.mark.parametrize(("mined", "accepted"), [(1, 1), (7, 1), (8, 2), (11, 2), (40, 6)])
def test_a_quarter_as_many_accepted_triplets_come_along_and_one_at_least(mined: int, accepted: int) -> None:
    reviewed = Reviewed(accepted=np.arange(1000, 1018).reshape(6, 3))
    triplets = np.arange(3 * mined).reshape(mined, 3)
    found = with_reviewed(triplets, reviewed, np.random.default_rng(0))
    assert len(found) == mined + accepted
    assert int((found[:, 0] >= 1000).sum()) == accepted


def _hinges(vectors: torch.Tensor, triplets: Ids, margin: float) -> list[tuple[float, float]]:
    """max(0, margin + D(q, p) - D(q, n)) and whether the positive is nearer, of each triplet."""
    found = []
    for query, positive, negative in triplets.tolist():
        near, far = (float((vectors[query] - vectors[other]).norm()) for other in (positive, negative))
        found.append((max(0.0, margin + near - far), float(near < far)))
    return found


def test_a_batch_has_the_mean_hinge_of_its_triplets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"triplets": 40, "batch_size": 40, "dim": 8, "wide": 16, "margin": 0.3, "whiten": False}
    task = task_of("deep-ranking", DATA, tmp_path, monkeypatch, **settings)
    task.module.eval()
    [batch] = task.batches(1, np.random.default_rng(0))
    loss, told = task.loss(batch)
    vectors = task.module(torch.from_numpy(DATA.vectors.take(np.arange(len(DATA))))).detach()
    by_hand = np.array(_hinges(vectors, batch, 0.3))
    assert float(loss.detach()) == pytest.approx(by_hand[:, 0].mean(), abs=1e-5)
    assert told["triplet_accuracy"] == pytest.approx(by_hand[:, 1].mean())
    assert 0 < by_hand[:, 1].mean() < 1


def test_held_out_triplets_are_close_by_the_raw_features_and_judge_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DeepRankingConfig(dim=8, wide=16, validation_share=0.2, close=2, margin=0.3)
    session = Session("deep-ranking", DATA, config, tmp_path)
    held_out = _held_out(session, config, Groups.from_session(session, config), Backbone(session))
    assert held_out is not None
    validation = session.splits["val"].tolist()
    vectors = session.features.take(np.arange(len(DATA)))
    _, product_of = np.unique(np.array(DATA.products), return_inverse=True)
    assert len(held_out) == 4 * len(validation)
    for anchor, positive, negative in held_out.tolist():
        assert positive in validation
        assert product_of[anchor] == product_of[positive]
        assert negative in _nearest_wrong(vectors, product_of, anchor, validation, 2)
    settings = {"dim": 8, "wide": 16, "close": 2, "margin": 0.3}
    task = task_of("deep-ranking", DATA, tmp_path, monkeypatch, **settings)
    task.module.eval()
    with torch.no_grad():
        told = task.measure().values
        by_hand = np.array(_hinges(task.module(vectors), held_out, 0.3))
    assert told["validation_loss"] == pytest.approx(by_hand[:, 0].mean(), abs=1e-5)
    assert told["validation_triplet_accuracy"] == pytest.approx(by_hand[:, 1].mean())


def test_two_thousand_triplets_judge_an_epoch_at_most(tmp_path: Path) -> None:
    config = DeepRankingConfig(dim=8, validation_share=0.6, close=1)
    session = Session("deep-ranking", clouds(products=240), config, tmp_path)
    assert 4 * len(session.splits["val"]) > 2000
    held_out = _held_out(session, config, Groups.from_session(session, config), Backbone(session))
    assert held_out is not None
    assert len(held_out) == 2000


def test_of_validation_pictures_that_are_all_alike_or_all_alone_there_are_no_triplets(tmp_path: Path) -> None:
    config = DeepRankingConfig(dim=8, wide=16, validation_share=0.2)
    session = Session("deep-ranking", DATA, config, tmp_path)
    groups, backbone = Groups.from_session(session, config), Backbone(session)
    validation = session.splits["val"]
    alike, alone = groups.group_of.copy(), groups.group_of.copy()
    alike[validation] = 0
    alone[validation] = np.arange(len(validation))
    for group_of in (alike, alone):
        assert _held_out(session, config, replace(groups, group_of=group_of), backbone) is None


def test_a_catalogue_without_products_is_refused() -> None:
    with pytest.raises(UnusableLabels, match="has a product"):
        RECIPE.check(replace(DATA, products=[None] * len(DATA)), DeepRankingConfig())


def tower(width: int, wide: int, dim: int) -> list[nn.Module]:
    return [nn.Linear(width, wide), nn.ReLU(), nn.Dropout(0.4), nn.Linear(wide, dim), nn.BatchNorm1d(dim)]


@pytest.mark.parametrize("wide", [16, 21])
def test_vectors_come_out_as_they_went_in(wide: int) -> None:
    vectors = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    layers = tower(8, wide, 8)
    begin_as_identity(layers, vectors)
    whole = nn.Sequential(*layers).eval()
    assert torch.allclose(whole(vectors), vectors, atol=1e-5)


def test_with_too_few_pairs_the_first_numbers_are_kept() -> None:
    vectors = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    layers = tower(8, 10, 8)
    begin_as_identity(layers, vectors)
    whole = nn.Sequential(*layers).eval()
    assert torch.allclose(whole(vectors)[:, :5], vectors[:, :5], atol=1e-5)
    assert torch.allclose(whole(vectors)[:, 5:].std(dim=0), torch.zeros(3), atol=1e-5)
