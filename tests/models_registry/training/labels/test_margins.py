"""How many triplets meet the margin and how many anchors still learn: as a walk over all triplets counts them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from models_registry.training.labels.batch_sampler import BalancedSampler
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import MetricConfig, MinerName
from models_registry.training.labels.losses import miner_named
from models_registry.training.labels.margins import batch_margins, margins_met, validation_margins

MARGIN = 0.5


def points(count: int, seed: int) -> Tensor:
    """On a grid of halves, so that many gaps are exactly the margin."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 9, size=(count, 1)) / 2).float()


def walked(
    vectors: Tensor, labels: Tensor, miner: MinerName, is_query: Tensor | None = None, margin: float = MARGIN
) -> dict[str, float]:
    place, group, everyone = vectors[:, 0].tolist(), labels.tolist(), list(range(len(vectors)))
    sides = [(everyone, everyone)]
    if is_query is not None:
        here, there = ([row for row in everyone if bool(is_query[row]) == side] for side in (True, False))
        sides = [(here, there), (there, here)]
    gaps: dict[tuple[int, int], list[float]] = {}
    for side, (anchors, others) in enumerate(sides):
        for a, p, n in itertools.product(anchors, others, others):
            if a != p and group[a] == group[p] and group[a] != group[n]:
                gaps.setdefault((side, a), []).append(abs(place[a] - place[n]) - abs(place[a] - place[p]))
    if not gaps:
        return {}
    mined = {
        "none": lambda _gap, _smallest: True,
        "semi-hard": lambda gap, _smallest: 0 < gap <= margin,
        "hard": lambda gap, smallest: gap == smallest,
    }[miner]
    learning = [one for one, own in gaps.items() if any(gap < margin and mined(gap, min(own)) for gap in own)]
    every = [gap for own in gaps.values() for gap in own]
    return {
        "margin_met": sum(gap >= margin for gap in every) / len(every),
        "gradient_left": len(learning) / len(gaps),
    }


@pytest.mark.parametrize("miner", ["none", "semi-hard", "hard"])
@pytest.mark.parametrize("count", [2, 5, 12])
@pytest.mark.parametrize("domains", [False, True])
def test_margins_are_those_of_a_walk_over_all_triplets_also_where_they_are_met_exactly(
    domains: bool, count: int, miner: MinerName
) -> None:
    rng = np.random.default_rng(count)
    some_are_met_exactly = False
    for seed in range(6):
        vectors, labels = points(count, seed), torch.from_numpy(rng.integers(0, 3, count))
        is_query = torch.from_numpy(rng.random(count) < 0.5) if domains else None
        expected = walked(vectors, labels, miner, is_query)
        found = batch_margins(vectors, labels, miner_named(miner, margin=MARGIN, euclidean=True), MARGIN, is_query)
        assert found == pytest.approx(expected)
        some_are_met_exactly |= walked(vectors, labels, miner, is_query, margin=MARGIN + 0.1) != expected
    assert some_are_met_exactly or count < 12


@pytest.mark.parametrize("miner", ["none", "semi-hard", "hard"])
def test_a_batch_of_one_domain_or_of_one_group_or_of_nothing_has_no_margins(miner: MinerName) -> None:
    chosen = miner_named(miner, margin=MARGIN, euclidean=True)
    vectors, labels = points(6, seed=0), torch.tensor([0, 0, 1, 1, 2, 2])
    for side in (True, False):
        assert batch_margins(vectors, labels, chosen, MARGIN, torch.full((6,), side)) == {}
    assert batch_margins(vectors, torch.zeros(6), chosen, MARGIN) == {}
    assert batch_margins(vectors, torch.arange(6), chosen, MARGIN) == {}
    assert batch_margins(vectors[:0], labels[:0], chosen, MARGIN) == {}


def test_margins_are_counted_without_a_gradient() -> None:
    vectors, labels = points(6, seed=0).requires_grad_(), torch.tensor([0, 0, 1, 1, 2, 2])
    assert batch_margins(vectors, labels, None, MARGIN).keys() == {"margin_met", "gradient_left"}


def test_mined_triplets_meet_the_margin_where_the_negative_is_farther_by_it_or_by_more() -> None:
    anchor = torch.zeros(5, 2)
    positive = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0], [0.0, 1.0], [0.0, 1.0]])
    negative = torch.tensor([[6.0, 8.0], [0.0, 1.5], [2.0, 0.0], [0.0, 1.25], [3.0, 4.0]])
    found = margins_met(anchor + 8, positive + 8, negative + 8, 0.5)
    assert found == pytest.approx({"margin_met": 3 / 5, "gradient_left": 2 / 5})


@dataclass
class Judged:
    """Twelve pictures of five groups, two of them in none, nine of them for validation; what was asked for."""

    group_of: np.ndarray
    is_query: np.ndarray | None
    val: np.ndarray

    def __post_init__(self) -> None:
        self.asked: list[np.ndarray] = []
        self.vectors = points(len(self.group_of), seed=5).numpy()

    def vectors_of(self, rows: np.ndarray) -> np.ndarray:
        self.asked.append(rows)
        return self.vectors[rows]

    def measured(self, config: MetricConfig) -> list[dict[str, float]]:
        """Measured twice."""
        sampler = BalancedSampler(self.val, self.group_of[self.val], self.val, groups=1, per_group=1, categories=1)
        groups = Groups(self.group_of, [], self.is_query, sampler, 1)
        session = SimpleNamespace(splits={"val": self.val})
        measure = validation_margins(session, config, groups, None, self.vectors_of)
        return [measure(), measure()]


CONFIG = MetricConfig(groups=2, per_group=3, margin=MARGIN, categories=2, seed=3)
GROUP_OF = np.array([0, 0, 0, 1, 1, -1, 2, 2, -1, 3, 3, 4])
VAL = np.array([11, 10, 9, 8, 5, 4, 3, 1, 0])


@pytest.mark.parametrize("domains", [False, True])
def test_validation_is_the_mean_over_four_batches_that_stay_the_same(domains: bool) -> None:
    is_query = np.arange(12) % 2 == 0 if domains else None
    judged = Judged(GROUP_OF, is_query, VAL)
    first, second = judged.measured(CONFIG)
    assert first == second
    assert len(judged.asked) == 8
    assert [rows.tolist() for rows in judged.asked[:4]] == [rows.tolist() for rows in judged.asked[4:]]
    told = []
    for rows in judged.asked[:4]:
        assert len(rows) == 6
        assert set(GROUP_OF[rows].tolist()) < {0, 1, 3}
        assert set(rows.tolist()) <= set(VAL.tolist())
        sides = None if is_query is None else torch.from_numpy(is_query[rows])
        told.append(walked(torch.from_numpy(judged.vectors[rows]), torch.from_numpy(GROUP_OF[rows]), "none", sides))
    with_triplets = [one for one in told if one]
    assert first == pytest.approx(
        {
            f"validation_{name}": np.mean([one[name] for one in with_triplets])
            for name in ("margin_met", "gradient_left")
        }
    )
    assert len({tuple(rows.tolist()) for rows in judged.asked}) > 1
    other = Judged(GROUP_OF, is_query, VAL)
    other.measured(MetricConfig(groups=2, per_group=3, margin=MARGIN, seed=4))
    assert other.asked[0].tolist() != judged.asked[0].tolist()


def test_batches_without_a_triplet_do_not_count_in_the_mean() -> None:
    """Draws of two pictures hold one of each domain or not, by chance."""
    is_query = np.arange(8) % 2 == 0
    group_of = np.repeat([0, 1], 4)
    told = []
    for seed in range(6):
        judged = Judged(group_of, is_query, np.arange(8))
        first, _ = judged.measured(MetricConfig(groups=2, per_group=2, margin=MARGIN, seed=seed))
        batches = [
            walked(
                torch.from_numpy(judged.vectors[rows]), torch.from_numpy(group_of[rows]), "none",
                torch.from_numpy(is_query[rows]),
            )
            for rows in judged.asked[:4]
        ]  # fmt: skip
        met = [one["margin_met"] for one in batches if one]
        assert first.get("validation_margin_met") == (pytest.approx(np.mean(met)) if met else None)
        told.append(len(met))
    assert {1, 4} & set(told)
    assert set(told) & {1, 2, 3}


def test_validation_pictures_without_two_of_a_group_tell_nothing() -> None:
    for group_of in (np.arange(6), np.full(6, -1), np.array([0, 0, 1, 2, 3, 4])):
        assert Judged(group_of, None, np.arange(6)).measured(CONFIG) == [{}, {}]
