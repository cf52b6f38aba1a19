"""`triplet`: the loss of a batch by slow loops, what memory and reviews add to it, and how fast each part learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models_registry.spec import Preprocess
from models_registry.training.common.backbones import Backbone
from models_registry.training.common.training_errors import TrainingError, UnusableLabels
from models_registry.training.common.training_loop import Task
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import TripletConfig
from models_registry.training.labels.losses import loss_named, miner_named
from models_registry.training.labels.recipes.triplet import RECIPE, cross_domain_loss, projection_head
from models_registry.training.labels.reviewed_triplets import Reviewed
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import judge_vectors, question_of
from tests.models_registry.training.clouds import clouds
from tests.models_registry.training.test_recipe_promises import painted
from tests.models_registry.training.test_reviewed import task_of

Ids = NDArray[np.int64]

DATA = clouds(products=20)
QUICK = {"dim": 6, "groups": 4, "per_group": 3, "batches": 2, "dropout": 0.0}


def _task(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reviewed: Reviewed | None = None, **settings: Any
) -> tuple[Task, Tensor]:
    """The task of a run, and the vectors that its head gives all pictures."""
    data = DATA if reviewed is None else replace(DATA, reviewed=reviewed)
    task = task_of("triplet", data, folder, monkeypatch, **{**QUICK, **settings})
    head = task.module["head"]  # type: ignore[index]
    return task, head(torch.from_numpy(DATA.vectors.take(np.arange(len(DATA))))).detach()


def _mean_of_the_unmet(vectors: Tensor, anchors: list[int], answers: list[int], margin: float) -> float:
    """The mean of max(0, margin + D(a, p) - D(a, n)) over all triplets for which it is above 0."""
    losses = []
    for anchor in anchors:
        distance = {row: float((vectors[anchor] - vectors[row]).norm()) for row in answers}
        same = [row for row in answers if row != anchor and DATA.products[row] == DATA.products[anchor]]
        other = [row for row in answers if DATA.products[row] != DATA.products[anchor]]
        losses += [margin + distance[p] - distance[n] for p in same for n in other]
    unmet = [loss for loss in losses if loss > 0]
    return sum(unmet) / len(unmet) if unmet else 0.0


@pytest.mark.parametrize("by", ["product", "domains"])
def test_a_batch_has_the_mean_loss_of_its_unmet_triplets(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, vectors = _task(tmp_path, monkeypatch, by=by, miner="none", margin=0.8)
    for rows, accepted in task.batches(1, np.random.default_rng(0)):
        loss, told = task.loss((rows, accepted))
        both = [rows.tolist()]
        if by == "domains":
            asking = [row for row in rows.tolist() if DATA.domains[row] == "street"]
            both = [asking, [row for row in rows.tolist() if row not in asking]]
        sides = [_mean_of_the_unmet(vectors, side, other, 0.8) for side, other in zip(both, both[::-1], strict=True)]
        assert float(loss.detach()) == pytest.approx(sum(sides) / len(sides), abs=1e-5)
        pairs = [(a, b) for a in rows.tolist() for b in rows.tolist() if a != b]
        apart = {
            is_same: [
                float((vectors[a] - vectors[b]).norm())
                for a, b in pairs
                if (DATA.products[a] == DATA.products[b]) == is_same
            ]
            for is_same in (True, False)
        }
        assert told["distance_same"] == pytest.approx(np.mean(apart[True]), abs=1e-4)
        assert told["distance_other"] == pytest.approx(np.mean(apart[False]), abs=1e-4)


def test_a_miner_chooses_the_triplets_of_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, vectors = _task(tmp_path, monkeypatch, miner="hard", margin=1.6)
    [(rows, accepted), *_] = task.batches(1, np.random.default_rng(0))
    losses = []
    for anchor in rows.tolist():
        distance = {row: float((vectors[anchor] - vectors[row]).norm()) for row in rows.tolist()}
        same = [distance[row] for row in distance if row != anchor and DATA.products[row] == DATA.products[anchor]]
        other = [distance[row] for row in distance if DATA.products[row] != DATA.products[anchor]]
        losses.append(1.6 + max(same) - min(other))
    unmet = [loss for loss in losses if loss > 0]
    assert float(task.loss((rows, accepted))[0].detach()) == pytest.approx(sum(unmet) / len(unmet), abs=1e-5)


@pytest.mark.parametrize("miner", ["none", "semi-hard"])
def test_across_domains_a_miner_chooses_on_the_other_side(miner: Any) -> None:
    rng = torch.Generator().manual_seed(0)
    vectors = nn.functional.normalize(torch.randn(10, 3, generator=rng))
    labels, asks = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1, 2, 0]), torch.tensor([True, False] * 5)
    criterion, mine = loss_named("triplet", margin=0.2, classes=3, dim=3), miner_named(miner, margin=0.2)
    found = cross_domain_loss(criterion, mine, vectors, labels, asks)
    expected = []
    for side in (asks, ~asks):
        losses = []
        for a in np.flatnonzero(side.numpy()):
            for p in np.flatnonzero(~side.numpy() & (labels == labels[a]).numpy()):
                for n in np.flatnonzero(~side.numpy() & (labels != labels[a]).numpy()):
                    near, far = float((vectors[a] - vectors[p]).norm()), float((vectors[a] - vectors[n]).norm())
                    if 0.2 + near - far > 0 and (miner == "none" or near < far):
                        losses.append(0.2 + near - far)
        expected.append(sum(losses) / len(losses) if losses else 0.0)
    assert float(found) == pytest.approx(sum(expected) / 2, abs=1e-5)
    assert sum(expected) > 0


def test_accepted_triplets_add_their_own_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, vectors = _task(tmp_path, monkeypatch, margin=0.8)
    [(rows, none_accepted), *_] = task.batches(1, np.random.default_rng(0))
    accepted = np.array([[0, 1, 2], [4, 9, 5]])
    hinges = [
        max(0.0, 0.8 + float((vectors[a] - vectors[p]).norm()) - float((vectors[a] - vectors[n]).norm()))
        for a, p, n in accepted.tolist()
    ]
    more = task.loss((rows, accepted))[0] - task.loss((rows, none_accepted))[0]
    assert float(more.detach()) == pytest.approx(np.mean(hinges), abs=1e-5)


def test_as_many_accepted_triplets_come_along_as_there_are_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Session("triplet", DATA, TripletConfig(validation_share=0.2), tmp_path).splits["train"]
    reviewed = Reviewed(accepted=np.array([[row, rows[0], rows[1]] for row in rows[2:12].tolist()]))
    task, _ = _task(tmp_path, monkeypatch, reviewed)
    batches = list(task.batches(1, np.random.default_rng(0)))
    assert [len(accepted) for _, accepted in batches] == [4, 4]
    assert [len(drawn) for drawn, _ in batches] == [12, 12]


def test_memory_adds_the_loss_against_batches_before_and_is_emptied_with_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_memory, vectors = _task(tmp_path, monkeypatch, memory=100, miner="none", margin=1.6)
    without, _ = _task(tmp_path, monkeypatch, miner="none", margin=1.6)
    criterion = loss_named("triplet", margin=1.6, classes=20, dim=6)
    _, product_of = np.unique(np.array(DATA.products), return_inverse=True)
    labels = torch.from_numpy(product_of)
    for epoch in (1, 2):
        seen: list[Ids] = []
        for rows, accepted in with_memory.batches(epoch, np.random.default_rng(epoch)):
            expected = float(without.loss((rows, accepted))[0].detach())
            if seen:
                before = np.concatenate(seen)
                remembered = float(criterion(vectors[rows], labels[rows], None, vectors[before], labels[before]))
                assert remembered > 0
                expected += remembered
            assert float(with_memory.loss((rows, accepted))[0].detach()) == pytest.approx(expected, abs=1e-5)
            seen.append(rows)
        assert len(seen) == 2


def test_proxies_learn_faster_than_the_projection_by_their_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"loss": "proxy-anchor", "learning_rate": 0.01, "proxy_rate": 30, "weight_decay": 0.125}
    task, _ = _task(tmp_path, monkeypatch, **settings)
    [head, proxies] = task.optimiser.param_groups
    assert (head["lr"], proxies["lr"]) == (0.01, pytest.approx(0.3))
    assert {head["weight_decay"], proxies["weight_decay"]} == {0.125}
    assert [tuple(values.shape) for values in proxies["params"]] == [(20, 6)]
    plain, _ = _task(tmp_path, monkeypatch)
    assert [group["lr"] for group in plain.optimiser.param_groups] == [pytest.approx(3e-4)]


@pytest.mark.parametrize("loss", ["proxy-anchor", "proxy-nca", "contrastive"])
def test_across_domains_proxies_meet_all_pictures_and_other_losses_the_other_side(
    loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, vectors = _task(tmp_path, monkeypatch, by="domains", loss=loss, miner="none")
    criterion = task.module["criterion"]  # type: ignore[index]
    [(rows, accepted), *_] = task.batches(1, np.random.default_rng(0))
    _, product_of = np.unique(np.array(DATA.products), return_inverse=True)
    labels = torch.from_numpy(product_of[rows])
    found = float(task.loss((rows, accepted))[0].detach())
    together = float(criterion(vectors[rows], labels).detach())
    asks = torch.tensor([DATA.domains[row] == "street" for row in rows.tolist()])
    assert {DATA.domains[row] for row in rows.tolist()} == {"street", "shop"}
    if loss == "contrastive":
        apart = float(cross_domain_loss(criterion, None, vectors[rows], labels, asks))
        assert found == pytest.approx(apart, abs=1e-5)
        assert abs(found - together) > 1e-4
    else:
        assert found == pytest.approx(together, abs=1e-4)


def test_validation_is_judged_by_the_vectors_of_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, vectors = _task(tmp_path, monkeypatch)
    task.module.eval()
    with torch.no_grad():
        measured = task.measure()
    validation = Session("triplet", DATA, TripletConfig(validation_share=0.2), tmp_path).splits["val"]
    expected = judge_vectors(question_of(DATA, validation), vectors[validation].numpy(), "cosine")
    assert {name: measured.values[name] for name in expected} == pytest.approx(expected)
    assert len(measured.values) > len(expected)
    assert measured.score == pytest.approx(expected["map_at_r"])


def test_the_head_is_the_same_for_the_same_seed_and_drops_out_between_whitening_and_projection(tmp_path: Path) -> None:
    config = TripletConfig(dim=6, dropout=0.25, seed=7)
    session = Session("triplet", DATA, config, tmp_path)
    groups, backbone = Groups.from_session(session, config), Backbone(session)
    one = projection_head(session, config, groups, backbone)
    torch.manual_seed(1)
    two = projection_head(session, config, groups, backbone)
    assert [type(layer).__name__ for layer in one] == ["Centre", "Normalise", "Dropout", "Linear", "Normalise"]
    assert one[2].p == 0.25
    x = session.features.take(np.arange(9))
    assert torch.equal(one.eval()(x), two.eval()(x))
    assert torch.allclose(one(x).norm(dim=1), torch.ones(9), atol=1e-5)


def test_over_a_network_that_is_tuned_the_projection_is_drawn_with_the_seed(tmp_path: Path) -> None:
    config = TripletConfig(dim=6, dropout=0.25, seed=7)
    session = Session("triplet", DATA, config, tmp_path)
    tuned: Any = SimpleNamespace(is_tuned=True, dim=12)
    one, two = (projection_head(session, config, Groups.from_session(session, config), tuned) for _ in range(2))
    assert [type(layer).__name__ for layer in one] == ["Dropout", "Linear", "Normalise"]
    assert torch.equal(one.eval()(torch.eye(12)), two.eval()(torch.eye(12)))


def test_pictures_of_a_batch_and_of_accepted_triplets_are_varied_while_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**QUICK, "tune": "backbone", "augment": 0.6, "miner": "none", "margin": 1.5}
    task = task_of("triplet", painted(12), tmp_path, monkeypatch, **settings)
    task.module.eval()
    [(rows, accepted), *_] = task.batches(1, np.random.default_rng(0))
    without_triplet, triplet = rows[:1], np.array([[0, 9, 1]])
    for batch in ((rows, accepted), (without_triplet, triplet)):
        assert float(task.loss(batch)[0].detach()) != float(task.loss(batch)[0].detach())


@pytest.mark.parametrize(
    ("loss", "by", "is_right"),
    [("n-pair", "domains", False), ("n-pair", "product", True), ("contrastive", "domains", True)],
)
def test_only_pairs_of_one_batch_cannot_tell_domains_apart(loss: Any, by: Any, is_right: bool) -> None:
    config = TripletConfig(loss=loss, by=by)
    if is_right:
        RECIPE.check(DATA, config)
    else:
        with pytest.raises(UnusableLabels, match="cannot tell two domains apart"):
            RECIPE.check(DATA, config)


def test_what_cannot_be_learnt_from_or_tuned_is_refused() -> None:
    with pytest.raises(UnusableLabels, match="has a product"):
        RECIPE.check(replace(DATA, products=[None] * len(DATA)), TripletConfig())
    frozen = replace(DATA, base=replace(DATA.base, family="onnx"))
    RECIPE.check(frozen, TripletConfig(tune="head"))
    with pytest.raises(TrainingError, match="A onnx encoder cannot be tuned here"):
        RECIPE.check(frozen, TripletConfig(tune="backbone"))
    RECIPE.check(DATA, TripletConfig(tune="backbone", shallow=True))
    odd = replace(DATA, base=replace(DATA.base, preprocess=Preprocess((64, 62))))
    RECIPE.check(odd, TripletConfig(tune="backbone"))
    with pytest.raises(UnusableLabels, match="not 64 x 62"):
        RECIPE.check(odd, TripletConfig(tune="backbone", shallow=True))
