"""Balanced batches, cross-batch memory, margins met, overlap of tags, shallow paths, the latent walk: each alone."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models_registry.encoders.checkpoint import BACKBONE, read_checkpoint, read_tensors
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.shallow_paths import DIM, ShallowPaths, with_paths
from models_registry.registry import describe, load
from models_registry.spec import Preprocess
from models_registry.training.common.backbones import Backbone, TunedNetwork
from models_registry.training.common.export_bundle import take_away
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels.attributes import AttributeTable, LevelOf, tag_overlap
from models_registry.training.labels.batch_sampler import balanced_batches
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import (
    DeepRankingConfig,
    MultiLevelConfig,
    MultiTaskConfig,
    RetrainConfig,
    TripletConfig,
)
from models_registry.training.labels.latent_walk import STEPS, WALK, latent_walk
from models_registry.training.labels.losses import BatchMemory, loss_named, miner_named
from models_registry.training.labels.margins import batch_margins, margins_met, validation_margins
from models_registry.training.labels.recipes import multi_level
from models_registry.training.labels.recipes.deep_ranking import RECIPE as DEEP_RANKING
from models_registry.training.labels.recipes.multi_task import RECIPE as MULTI_TASK
from models_registry.training.labels.recipes.retrain import RECIPE as RETRAIN
from models_registry.training.labels.recipes.triplet import RECIPE as TRIPLET
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.clouds import clouds, head_of
from tests.models_registry.training.test_recipe_promises import painted, reports_of

QUICK = TripletConfig(epochs=2, batches=4, groups=4, dim=16, validation_share=0.2, dropout=0.0, miner="none")
TUNED = TripletConfig(
    epochs=1, batches=2, groups=4, dim=8, tune="backbone", shallow=True, validation_share=0.2, learning_rate=1e-2
)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Three folders of runs."""
    made = [tmp_path / name for name in "abc"]
    for folder in made:
        folder.mkdir()
    return made


def units(rows: int, seed: int = 3) -> torch.Tensor:
    drawn = np.random.default_rng(seed).standard_normal((rows, 5)).astype(np.float32)
    return nn.functional.normalize(torch.from_numpy(drawn))


def test_each_class_is_drawn_equally_often_and_each_picture_of_it_too() -> None:
    class_of = np.array([0] * 30 + [1] * 4 + [2] * 2)
    rows = np.arange(100, 136)

    drawn = np.concatenate(list(balanced_batches(rows, class_of, 8, np.random.default_rng(0))))

    assert Counter(class_of[drawn - 100].tolist()) == {0: 12, 1: 12, 2: 12}
    assert Counter(drawn[np.isin(drawn, rows[30:])].tolist()) == dict.fromkeys(range(130, 134), 3) | {134: 6, 135: 6}
    assert len(set(drawn[drawn < 130].tolist())) == 12


@pytest.mark.parametrize("balance", [True, False])
def test_retrain_balances_its_batches_where_it_is_told_to(
    balance: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = clouds(products=40)
    # One category has all products but a few.
    data = replace(data, categories=["rare" if row // 4 % 8 == 0 else "common" for row in range(len(data))])
    seen: list[int] = []
    take = Backbone.base_vectors

    def watched(self: Backbone, rows: np.ndarray, *, training: bool) -> torch.Tensor:
        seen.extend(rows.tolist() if training else [])
        return take(self, rows, training=training)

    monkeypatch.setattr(Backbone, "base_vectors", watched)

    reports_of(RETRAIN, data, RetrainConfig(epochs=1, hidden=8, balance=balance), tmp_path)

    shares = Counter(data.categories[row] for row in seen)
    assert (shares["rare"] == shares["common"]) == balance


@pytest.mark.parametrize("miner", ["none", "semi-hard"])
def test_a_batch_is_compared_with_the_vectors_of_those_before(miner: str) -> None:
    before, now = units(6), units(4, seed=4)
    old, labels = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 1, 0, 1])
    memory = BatchMemory(4)
    criterion = loss_named("triplet", margin=0.4, classes=3, dim=5)
    chosen = miner_named(miner, margin=0.4)  # type: ignore[arg-type]
    assert float(memory.remembered_loss(criterion, chosen, now, labels)) == 0

    memory.add(before.clone().requires_grad_(), old)
    found = memory.remembered_loss(criterion, chosen, now.clone().requires_grad_(), labels)

    # The two oldest have given way.
    losses = []
    for a, p, n in itertools.product(range(4), range(2, 6), range(2, 6)):
        if labels[a] == old[p] and labels[a] != old[n]:
            near, far = float((now[a] - before[p]).norm()), float((now[a] - before[n]).norm())
            if miner == "none" or near < far <= near + 0.4:
                losses.append(near - far + 0.4)
    positive = [loss for loss in losses if loss > 0]
    assert positive
    assert float(found.detach()) == pytest.approx(sum(positive) / len(positive), rel=1e-5)
    memory.clear()
    assert float(memory.remembered_loss(criterion, chosen, now, labels)) == 0


def test_memory_changes_what_is_learnt_and_a_run_goes_on_as_if_undisturbed(folders: list[Path]) -> None:
    first, second, third = folders
    config = replace(QUICK, memory=64, epochs=3, margin=1.5)
    plain = TRIPLET.run(clouds(), replace(config, memory=0), first, on_progress=lambda _: None, resume=False)
    whole = TRIPLET.run(clouds(), config, second, on_progress=lambda _: None, resume=False)

    class Stopped(Exception):
        pass

    def stop(report: object) -> None:
        if getattr(report, "epoch", 0) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        TRIPLET.run(clouds(), config, third, on_progress=stop, resume=False)
    gone_on = TRIPLET.run(clouds(), config, third, on_progress=lambda _: None, resume=True)

    last = [torch.load(folder / "run.checkpoint", weights_only=True)["module"] for folder in folders]
    layer = next(name for name in last[1] if name.startswith("head") and name.endswith("weight"))
    assert not torch.allclose(last[0][layer], last[1][layer])
    assert torch.equal(last[1][layer], last[2][layer])
    assert head_of(whole.encoder_dir).keys() == head_of(gone_on.encoder_dir).keys() == head_of(plain.encoder_dir).keys()
    assert whole.card["settings"]["memory"] == 64


@pytest.mark.parametrize(
    "wrong", [{"memory": 8, "loss": "proxy-nca"}, {"memory": 8, "by": "domains"}, {"memory": -1}, {"shallow": True}]
)
def test_what_does_not_go_together_is_refused_before_anything_is_computed(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"memory|shallow"):
        replace(QUICK, **wrong)  # type: ignore[arg-type]


def test_margins_are_counted_over_all_triplets_and_gradients_over_anchors() -> None:
    """On a line at 0 and 0.3 of one group, at 0.4 and 1 of another: six of the eight triplets miss a margin of 0.5."""
    vectors, labels = torch.tensor([[0.0], [0.3], [0.4], [1.0]]), torch.tensor([0, 0, 1, 1])
    place = vectors[:, 0].tolist()
    gaps = {
        (a, n): abs(place[a] - place[n]) - abs(place[a] - place[p])
        for a, p in ((0, 1), (1, 0), (2, 3), (3, 2))
        for n in range(4)
        if labels[n] != labels[a]
    }
    missed = [triplet for triplet, gap in gaps.items() if gap < 0.25]

    found = batch_margins(vectors, labels, None, 0.25)

    assert 0 < len(missed) < len(gaps)
    assert found["margin_met"] == pytest.approx(1 - len(missed) / len(gaps))
    assert found["gradient_left"] == pytest.approx(len({a for a, _ in missed}) / 4)
    # Semi-hard triplets are those whose negative is farther, but not by the margin.
    semi_hard = {a for (a, _), gap in gaps.items() if 0 < gap <= 0.25}
    told = batch_margins(vectors, labels, miner_named("semi-hard", margin=0.25, euclidean=True), 0.25)
    assert told["gradient_left"] == pytest.approx(len(semi_hard) / 4)
    assert told["margin_met"] == found["margin_met"]
    assert batch_margins(vectors, torch.arange(4), None, 0.25) == {}


def test_across_domains_margins_are_met_on_the_other_side() -> None:
    vectors, labels = torch.tensor([[0.0], [0.1], [5.0], [5.1]]), torch.tensor([0, 0, 1, 1])
    asks = torch.tensor([True, False, True, False])
    assert batch_margins(vectors, labels, None, 1.0, asks) == {"margin_met": 1.0, "gradient_left": 0.0}
    # Within a domain nothing is compared: there every picture is of another group.
    assert batch_margins(vectors, labels, None, 1.0, torch.tensor([True, True, False, False])) == {}


@pytest.mark.parametrize("domains", [False, True])
def test_margins_are_those_of_a_walk_over_all_triplets(domains: bool) -> None:
    rng = np.random.default_rng(2)
    vectors, labels = units(15, seed=9), torch.from_numpy(rng.integers(0, 4, 15))
    asks = torch.from_numpy(rng.random(15) < 0.5) if domains else None
    everything = list(range(15))
    sides = [(everything, everything)]
    if asks is not None:
        here, there = ([row for row in everything if bool(asks[row]) == side] for side in (True, False))
        sides = [(here, there), (there, here)]
    gaps = [
        ((number, a), float((vectors[a] - vectors[n]).norm() - (vectors[a] - vectors[p]).norm()))
        for number, (anchors, others) in enumerate(sides)
        for a, p, n in itertools.product(anchors, others, others)
        if p != a and labels[p] == labels[a] and labels[n] != labels[a]
    ]

    found = batch_margins(vectors, labels, None, 0.3, asks)

    assert found["margin_met"] == pytest.approx(sum(gap >= 0.3 for _, gap in gaps) / len(gaps))
    learning = {anchor for anchor, gap in gaps if gap < 0.3}
    assert found["gradient_left"] == pytest.approx(len(learning) / len({anchor for anchor, _ in gaps}))
    assert batch_margins(vectors[:0], labels[:0], None, 0.3) == {}


def test_a_hinge_has_a_gradient_where_the_margin_is_not_met() -> None:
    anchor, near, far = torch.zeros(3, 1), torch.ones(3, 1), torch.tensor([[1.2], [3.0], [0.5]])
    assert margins_met(anchor, near, far, 0.5) == pytest.approx({"margin_met": 1 / 3, "gradient_left": 2 / 3})


@pytest.mark.parametrize("by", ["product", "domains"])
def test_a_run_tells_margins_of_training_and_of_validation(by: str, folders: list[Path]) -> None:
    told = reports_of(TRIPLET, clouds(), replace(QUICK, by=by, margin=1.0), folders[0])
    names = ("margin_met", "gradient_left")
    assert {f"validation_{name}" for name in names} <= set(told[0].values)
    for report in told[1:]:
        assert all(0 <= report.values[f"{which}{name}"] <= 1 for which in ("", "validation_") for name in names)
    ranked = reports_of(
        DEEP_RANKING,
        clouds(),
        DeepRankingConfig(epochs=1, wide=16, dim=8, triplets=64, validation_share=0.2, by=by),  # type: ignore[arg-type]
        folders[1],
    )
    assert {f"{which}{name}" for which in ("", "validation_") for name in names} <= set(ranked[-1].values)


def test_validation_is_looked_at_with_the_network_as_it_is(tmp_path: Path) -> None:
    session = Session("triplet", clouds(), QUICK, tmp_path)
    groups = Groups.from_session(session, QUICK)

    def told(vectors: np.ndarray) -> dict[str, float]:
        return validation_margins(session, QUICK, groups, None, lambda rows: vectors[rows])()

    own = np.eye(len(groups.names), dtype=np.float32)[groups.group_of]
    assert told(own) == {"validation_margin_met": 1.0, "validation_gradient_left": 0.0}
    assert told(np.ones_like(own)) == {"validation_margin_met": 0.0, "validation_gradient_left": 1.0}


def test_tags_overlap_by_intersection_over_union() -> None:
    values = np.array([[0, 1, -1, -1], [0, 1, -1, -1], [0, 2, -1, -1], [0, 1, 3, 4], [-1, -1, -1, -1], [0, -1, -1, -1]])
    share, known = tag_overlap(values, 0, np.arange(6))
    assert share.tolist() == pytest.approx([1, 1, 1 / 3, 2 / 4, 0, 1 / 2])
    assert known.tolist() == [2, 2, 2, 4, 2, 2]
    assert tag_overlap(values, 4, np.array([4]))[0].tolist() == [0]


def test_levels_by_overlap_count_a_tag_that_one_of_both_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = AttributeTable(("category", "tone", "cut"), np.array([[0, 0, -1], [0, 0, 1], [0, 0, -1]]), (2, 2, 2))
    by_share = LevelOf(table, np.arange(3), [0.8, 0.5], fewest_known=2)(0).tolist()
    by_overlap = LevelOf(table, np.arange(3), [0.8, 0.5], fewest_known=2, likeness="overlap")(0).tolist()
    assert (by_share, by_overlap) == ([-1, 0, 0], [-1, 1, 0])

    asked: list[str] = []
    monkeypatch.setattr(
        multi_level,
        "LevelOf",
        lambda *words: asked.append(words[-1]) or LevelOf(*words),  # type: ignore[func-returns-value]
    )
    quick = MultiLevelConfig(
        epochs=1, batches=1, dim=8, batch_size=8, known=1, baseline=False, likeness="overlap", validation_share=0.2
    )
    reports_of(multi_level.RECIPE, painted(), quick, tmp_path)
    assert asked == ["overlap"]


def test_shallow_paths_see_what_the_deep_network_does_not() -> None:
    class Blind(nn.Module):
        def forward(self, pictures: torch.Tensor, taps: list[str]) -> dict[str, torch.Tensor]:
            return {tap: torch.ones(len(pictures), 3) for tap in taps}

    network = with_paths(Blind(), seed=1)
    pictures = torch.rand(2, 3, 64, 96)
    found = network(pictures, ["a", "b"])
    assert set(found) == {"a", "b"}
    assert found["a"].shape == (2, 3 + DIM)
    assert torch.equal(found["a"][0, :3], found["a"][1, :3])
    assert not torch.allclose(found["a"][0, 3:], found["a"][1, 3:])
    for part in (found["a"][:, :3], *found["a"][:, 3:].chunk(2, dim=1)):
        assert part.norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert torch.equal(with_paths(Blind(), seed=1)(pictures, ["a"])["a"], found["a"])
    # Each path sees its own scale: noise finer than a pixel of the shrunk picture is not there.
    checks = ((torch.arange(64)[:, None] + torch.arange(96)) % 2 * 2 - 1).float()
    noisy = network(pictures + checks, ["a"])["a"]
    assert torch.allclose(noisy, found["a"], atol=1e-5)


def test_a_network_and_its_paths_learn_are_kept_and_leave_as_one_encoder(tmp_path: Path) -> None:
    data = painted()
    before = TunedNetwork(data, augment=0.0, shallow=True, seed=TUNED.seed)

    outcome = TRIPLET.run(data, TUNED, tmp_path, on_progress=lambda _: None, resume=False)

    state = torch.load(tmp_path / "run.checkpoint", weights_only=True)["module"]
    for name in ("paths.0.weight", "paths.1.weight", "deep.features.0.weight"):
        assert not torch.equal(state[f"backbone.{name}"], before.network.state_dict()[name]), name
    assert set(read_tensors(outcome.encoder_dir / BACKBONE)) == set(before.network.state_dict())
    spec = read_checkpoint(outcome.encoder_dir / "spec.json")
    assert spec.base.options["shallow"] == DIM
    encoder = load(describe(f"checkpoint:{outcome.encoder_dir}"), device="cpu")
    assert isinstance(encoder, Encoder)
    pixels = before.prepared_pixels(np.arange(6), training=False)
    network = ShallowPaths(before.deep).eval()
    network.load_state_dict(
        {name: torch.from_numpy(part) for name, part in read_tensors(outcome.encoder_dir / BACKBONE).items()}
    )
    tensors = head_of(outcome.encoder_dir)
    seen = network(pixels, [data.base_tap])[data.base_tap].detach().numpy() @ tensors["0.weight"].T + tensors["0.bias"]
    wanted = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    assert np.allclose(encoder.encode(pixels.numpy(), ["embedding"])["embedding"], wanted, atol=1e-5)
    taken = take_away(outcome.encoder_dir / "spec.json", tmp_path / "taken")
    assert taken.onnx_difference is not None, taken.no_onnx
    assert describe(f"checkpoint:{tmp_path / 'taken'}").fingerprint == encoder.spec.fingerprint


def test_shallow_paths_need_pictures_that_can_be_shrunk() -> None:
    data = painted(4)
    odd = replace(data, base=replace(data.base, preprocess=Preprocess((60, 64))))
    with pytest.raises(UnusableLabels, match="multiples of 32, not 60 x 64"):
        TRIPLET.check(odd, TUNED)
    TRIPLET.check(data, TUNED)


def test_a_walk_decodes_along_the_dimensions_in_which_codes_differ_most() -> None:
    codes = np.array([[0.0, 1.0, 5.0], [0.0, 3.0, 5.2]], dtype=np.float32)

    class Painter(nn.Module):
        """Red is the second number of a code, green the third, blue the first."""

        def __init__(self) -> None:
            super().__init__()
            self.own = nn.Parameter(torch.zeros(1))

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return given[:, [1, 2, 0], None, None].expand(-1, 3, 2, 2) / 10 + self.own

    walk = latent_walk(Painter(), codes, Preprocess((2, 2), mean=0.1, std=1.0))

    assert walk.dimensions == (1, 2, 0)
    assert walk.spreads == pytest.approx((1.0, 0.1, 0.0), abs=1e-6)
    assert walk.picture.shape == (3 * 2, STEPS * 2, 3)
    red = [round(255 * (0.1 + (2 + at) / 10)) for at in np.linspace(-2, 2, STEPS)]
    assert walk.picture[0, ::2, 0].tolist() == red
    assert set(walk.picture[0, :, 1].tolist()) == {round(255 * (0.1 + 0.51))}
    green = walk.picture[2, ::2, 1].astype(int)
    assert 0 < green[-1] - green[0] < red[-1] - red[0]
    swapped = latent_walk(Painter(), codes, Preprocess((2, 2), mean=0.1, std=1.0, channels="bgr"))
    assert np.array_equal(swapped.picture, walk.picture[..., ::-1])


def test_multi_task_leaves_the_walk_of_its_autoencoder(tmp_path: Path) -> None:
    config = MultiTaskConfig(epochs=1, batches=2, groups=4, dim=8, batch_size=8, validation_share=0.2)
    outcome = MULTI_TASK.run(painted(), config, tmp_path, on_progress=lambda _: None, resume=False)
    assert len(outcome.metrics["walk"]["dimensions"]) == 8
    with Image.open(tmp_path / WALK) as picture:
        assert picture.size == (STEPS * 32, 8 * 32)
