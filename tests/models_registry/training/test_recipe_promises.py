"""What recipes promise: each test fails where that one thing is broken, on data drawn here, in seconds."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from models_registry.embed import Picture
from models_registry.encoders.checkpoint import BACKBONE, read_tensors
from models_registry.training.common.backbones import TunedNetwork
from models_registry.training.common.recipe_base import EpochReport
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.labels.attributes import (
    AttributeTable,
    LevelOf,
    SameOrNot,
    draw_triplets,
    shared_attributes,
)
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import (
    DeepRankingConfig,
    LoopConfig,
    MultiTaskConfig,
    TripletConfig,
)
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.losses import loss_named
from models_registry.training.labels.recipes.deep_ranking import RECIPE as DEEP_RANKING
from models_registry.training.labels.recipes.deep_ranking import CloseNegatives, ranking_tower
from models_registry.training.labels.recipes.multi_task import RECIPE as MULTI_TASK
from models_registry.training.labels.recipes.multi_task import evidence_bound_loss, masked_attributes
from models_registry.training.labels.recipes.triplet import RECIPE as TRIPLET
from models_registry.training.labels.recipes.triplet import cross_domain_loss
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.clouds import clouds

RANKING = DeepRankingConfig(epochs=3, wide=16, dim=8, triplets=64, validation_share=0.2)


def painted(products: int = 16) -> LabelledPictures:
    """Pictures of 64 noisy pixels a side in their product's colour, with attributes of which some are not known."""
    data = clouds(products=products)
    rng = np.random.default_rng(6)
    colours = rng.integers(0, 255, (products, 3))
    pictures = []
    for row, key in enumerate(data.keys):
        pixels = np.clip(colours[row // 4] + rng.normal(0, 30, (64, 64, 3)), 0, 255).astype(np.uint8)
        stored = io.BytesIO()
        Image.fromarray(pixels).save(stored, "PNG")
        pictures.append(Picture(key, stored.getvalue()))
    attributes = [{"tone": "dark" if row % 3 else "light"} if row % 4 else {} for row in range(len(data))]
    return replace(data, pictures=pictures, attributes=attributes)


def reports_of(recipe: object, data: LabelledPictures, config: LoopConfig, folder: Path) -> list[EpochReport]:
    told: list[EpochReport] = []
    recipe.run(data, config, folder, on_progress=told.append, resume=False)  # type: ignore[attr-defined]
    return told


def test_what_is_not_known_of_an_attribute_is_masked_out_of_the_loss() -> None:
    told = [torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]]), torch.tensor([[0.0, 1.0], [4.0, 0.0], [0.0, 0.0]])]
    labels = torch.tensor([[0, -1], [-1, 1], [1, 0]])

    losses = [
        functional.cross_entropy(told[column][row], labels[row, column])
        for row in range(3)
        for column in range(2)
        if labels[row, column] >= 0
    ]

    assert len(losses) == 4
    assert float(masked_attributes(told, labels)) == pytest.approx(float(torch.stack(losses).mean()))
    assert float(masked_attributes(told, torch.full((3, 2), -1))) == 0.0


def test_the_autoencoder_answers_for_what_it_decodes_and_for_its_codes() -> None:
    torch.manual_seed(0)
    decoder = nn.Linear(2, 3, bias=False)
    mean, log_variance = torch.tensor([[1.0, -2.0]]), torch.full((1, 2), -8.0)
    target = torch.tensor([[0.5, 0.0, 1.0]])

    found = float(evidence_bound_loss(decoder, mean, log_variance, target).detach())

    missed = float(((decoder(mean) - target) ** 2).mean().detach())
    divergence = float(-0.5 * sum(1 - 8.0 - m**2 - np.exp(-8.0) for m in (1.0, -2.0)))
    assert found == pytest.approx(missed + divergence / 3, abs=0.05)


def test_every_task_of_multi_task_has_a_loss_and_is_trained_with_it(tmp_path: Path) -> None:
    config = MultiTaskConfig(epochs=1, batches=2, groups=4, dim=8, batch_size=8, validation_share=0.2)

    told = reports_of(MULTI_TASK, painted(), config, tmp_path)

    trained = {report.part: report.values for report in told if report.epoch == 1}
    assert set(trained) == {"joint", "attributes", "triplet", "vae"}
    for task in ("attributes", "triplet", "vae"):
        assert trained[task][f"{task}_loss"] > 0.01
        assert trained[task]["loss"] == pytest.approx(trained[task][f"{task}_loss"])
        assert trained["joint"][f"{task}_loss"] > 0.01


def test_mined_negatives_are_among_the_nearest_wrong_answers() -> None:
    rng = np.random.default_rng(1)
    vectors = torch.from_numpy(rng.standard_normal((40, 4)).astype(np.float32))
    group_of = np.arange(40) // 4
    miner = CloseNegatives(np.arange(40), group_of, None, close=3)

    mined = miner.mine_triplets(vectors, 100, rng)

    assert len(mined) == 100
    for anchor, positive, negative in mined.tolist():
        assert group_of[anchor] == group_of[positive]
        assert anchor != positive
        wrong = [row for row in range(40) if group_of[row] != group_of[anchor]]
        nearest = sorted(wrong, key=lambda row: float((vectors[row] - vectors[anchor]).norm()))[:3]
        assert negative in nearest


def test_negatives_are_mined_anew_with_the_network_as_it_is_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    mine = CloseNegatives.mine_triplets

    def watched(self: CloseNegatives, vectors: torch.Tensor, count: int, rng: np.random.Generator) -> np.ndarray:
        # What is mined of validation asks for another number.
        if count == RANKING.triplets:
            seen.append(vectors.clone())
        return mine(self, vectors, count, rng)

    monkeypatch.setattr(CloseNegatives, "mine_triplets", watched)

    reports_of(DEEP_RANKING, clouds(), RANKING, tmp_path)

    assert len(seen) == RANKING.epochs
    assert not torch.allclose(seen[0], seen[1])
    assert not torch.allclose(seen[1], seen[2])


def test_loss_and_triplet_accuracy_are_told_for_training_and_for_validation(tmp_path: Path) -> None:
    told = reports_of(DEEP_RANKING, clouds(), RANKING, tmp_path)

    for report in told[1:]:
        assert {"loss", "triplet_accuracy", "validation_loss", "validation_triplet_accuracy"} <= set(report.values)
        assert 0 <= report.values["validation_triplet_accuracy"] <= 1
        assert report.values["validation_loss"] > 0
    assert len({report.values["validation_loss"] for report in told}) > 1


def test_the_best_epoch_is_kept_and_not_the_last(tmp_path: Path) -> None:
    module = nn.Linear(1, 1, bias=False)
    scores = iter([0.1, 0.2, 0.9, 0.3, 0.4])
    weights: list[float] = []

    def measure() -> Measured:
        weights.append(float(module.weight.detach()))
        return Measured(next(scores), {})

    task = Task(
        module,
        torch.optim.SGD(module.parameters(), lr=0.1),
        lambda _epoch, _rng: [1],
        lambda _batch: (module(torch.ones(1, 1)).sum(), {}),
        measure,
    )

    fitted = fit(task, LoopConfig(epochs=4), tmp_path, "digest", on_progress=lambda _report: None, resume=False)

    assert (fitted.best_epoch, fitted.best_score, fitted.epochs) == (2, 0.9, 4)
    assert float(module.weight.detach()) == weights[2] != weights[4]


TABLE = AttributeTable(
    ("category", "colour", "length"),
    np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 0, 0], [0, -1, -1], [0, 0, 0], [1, 1, 1]]),
    (2, 2, 2),
)


def test_a_positive_shares_more_than_its_negative() -> None:
    rows = np.arange(8)
    level_of = LevelOf(TABLE, rows, [0.8, 0.5], fewest_known=2)

    triplets = draw_triplets(rows, level_of, 60, np.random.default_rng(0))

    assert len(triplets) == 60
    for anchor, positive, negative in triplets.tolist():
        near, far = level_of(anchor)[[positive, negative]].tolist()
        assert 0 <= near < far


def test_levels_fall_with_what_is_shared_and_another_category_is_the_last() -> None:
    level = LevelOf(TABLE, np.arange(8), [0.8, 0.5], fewest_known=2)(0)

    assert level.tolist() == [-1, 0, 1, 2, 3, -1, 0, 3]


def test_what_is_unknown_of_both_is_no_match() -> None:
    values = np.array([[0, -1, -1], [0, -1, -1], [0, -1, 3], [1, -1, -1]])

    share, known = shared_attributes(values, 0, np.array([1, 2, 3]))

    assert share.tolist() == [1.0, 1.0, 0.0]
    assert known.tolist() == [1, 1, 1]


def test_the_single_attribute_puts_the_same_value_first() -> None:
    level = SameOrNot(np.array([0, 0, 1, -1, 0]), np.arange(5))(0)

    assert level.tolist() == [-1, 0, 1, -1, 0]


def test_pictures_are_varied_while_training_and_only_then() -> None:
    data, rows = painted(2), np.arange(8)
    torch.manual_seed(0)
    network = TunedNetwork(data, augment=0.5)
    plain = network.prepared_pixels(rows, training=False)

    varied = [network.prepared_pixels(rows, training=True) for _ in range(2)]

    assert torch.equal(plain, network.prepared_pixels(rows, training=False))
    assert not torch.equal(varied[0], plain)
    assert not torch.equal(varied[0], varied[1])
    assert torch.equal(TunedNetwork(data, augment=0.0).prepared_pixels(rows, training=True), plain)


def test_a_tuned_backbone_has_learnt(tmp_path: Path) -> None:
    data = painted()
    config = TripletConfig(
        epochs=1, batches=2, groups=4, dim=8, tune="backbone", validation_share=0.2, learning_rate=1e-2
    )
    before = {name: values.clone() for name, values in TunedNetwork(data, augment=0.0).network.state_dict().items()}

    outcome = TRIPLET.run(data, config, tmp_path, on_progress=lambda _report: None, resume=False)

    state = torch.load(tmp_path / "run.checkpoint", weights_only=True)["module"]
    assert not np.array_equal(state["backbone.features.0.weight"].numpy(), before["features.0.weight"].numpy())
    assert set(read_tensors(outcome.encoder_dir / BACKBONE)) == set(before)


def test_the_tower_drops_out_while_training_and_only_then(tmp_path: Path) -> None:
    config = replace(RANKING, dropout=0.4, whiten=False)
    session = Session("deep-ranking", clouds(), config, tmp_path)
    head = ranking_tower(session, Groups.from_session(session, config), config)
    vectors = session.features.take(np.arange(20))
    dropped = nn.Sequential(*list(head)[:-1])

    dropped.train()
    assert not torch.equal(dropped(vectors), dropped(vectors))
    dropped.eval()
    assert torch.equal(dropped(vectors), dropped(vectors))
    zeros = list(head)[2].train()(torch.ones(10_000))
    assert float((zeros == 0).float().mean()) == pytest.approx(0.4, abs=0.03)


def test_across_domains_every_anchor_has_its_positive_and_negatives_on_the_other_side() -> None:
    rng = np.random.default_rng(3)
    vectors = functional.normalize(torch.from_numpy(rng.standard_normal((8, 4)).astype(np.float32)))
    labels, asks = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1]), torch.tensor([True, False] * 4)
    margin = 0.3

    found = cross_domain_loss(loss_named("triplet", margin=margin, classes=3, dim=4), None, vectors, labels, asks)

    sides = []
    for side in (asks, ~asks):
        losses = [
            max(0.0, margin + float((vectors[a] - vectors[p]).norm()) - float((vectors[a] - vectors[n]).norm()))
            for a in range(8) if side[a]
            for p in range(8) if not side[p] and labels[p] == labels[a]
            for n in range(8) if not side[n] and labels[n] != labels[a]
        ]  # fmt: skip
        positive = [loss for loss in losses if loss > 0]
        sides.append(sum(positive) / len(positive))
    assert float(found) == pytest.approx(sum(sides) / 2, abs=1e-5)


def test_training_across_domains_has_a_loss_that_falls(tmp_path: Path) -> None:
    config = TripletConfig(
        epochs=6, dim=16, batches=6, groups=8, by="domains", validation_share=0.2, dropout=0.0, miner="none", margin=1.5
    )

    told = reports_of(TRIPLET, clouds(), config, tmp_path)

    losses = [report.values["loss"] for report in told if report.epoch]
    gaps = [report.values["distance_other"] - report.values["distance_same"] for report in told if report.epoch]
    assert losses[0] > losses[-1] > 0
    assert gaps[-1] > gaps[0]
