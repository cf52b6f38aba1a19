"""Losses and miners: numbers by hand, by written-out loops, and by pytorch-metric-learning."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses as peer
from pytorch_metric_learning.distances import LpDistance

from models_registry.training.labels.label_configs import LossName, MinerName
from models_registry.training.labels.losses import SoftPN, hinge_loss, loss_named, miner_named

LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 2])
ROWS = torch.from_numpy(np.random.default_rng(3).standard_normal((7, 5)).astype(np.float32))
UNITS = torch.nn.functional.normalize(ROWS)


def triples() -> list[tuple[int, int, int]]:
    rows = range(len(LABELS))
    return [
        (a, p, n)
        for a, p, n in itertools.product(rows, rows, rows)
        if a != p and LABELS[a] == LABELS[p] and LABELS[a] != LABELS[n]
    ]


def gap(one: int, other: int, rows: torch.Tensor = UNITS) -> float:
    return float((rows[one] - rows[other]).norm())


def test_the_hinge_of_deep_ranking_by_hand() -> None:
    """D(q, p) = 3 and D(q, n) = 5: nothing is left of 0.05 + 3 - 5; turned round, 2.05 is."""
    query, near, far = torch.zeros(1, 2), torch.tensor([[3.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    assert [float(value) for value in hinge_loss(query, near, far, 0.05)] == pytest.approx([0.0, 1.0])
    assert [float(value) for value in hinge_loss(query, far, near, 0.05)] == pytest.approx([2.05, 0.0])
    assert float(hinge_loss(query, near, near, 0.05)[0]) == pytest.approx(0.05)


def test_the_hinge_is_the_peers_triplet_loss_on_plain_distances() -> None:
    anchors, positives, negatives = (torch.tensor(column) for column in zip(*triples(), strict=True))
    theirs = peer.TripletMarginLoss(margin=0.05, distance=LpDistance(normalize_embeddings=False), reducer=_mean())(
        ROWS, LABELS, (anchors, positives, negatives)
    )
    ours, _ = hinge_loss(ROWS[anchors], ROWS[positives], ROWS[negatives], 0.05)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_triplet_is_the_mean_over_triplets_that_are_not_yet_right() -> None:
    values = [max(0.0, gap(a, p) - gap(a, n) + 0.2) for a, p, n in triples()]
    active = [value for value in values if value > 0]
    found = loss_named("triplet", margin=0.2, classes=3, dim=5)(ROWS, LABELS)
    assert float(found) == pytest.approx(sum(active) / len(active), rel=1e-5)


def test_contrastive_pulls_pairs_together_and_pushes_others_to_the_margin() -> None:
    pairs = [(i, j) for i, j in itertools.permutations(range(len(LABELS)), 2)]
    near = [gap(i, j) for i, j in pairs if LABELS[i] == LABELS[j]]
    far = [max(0.0, 0.5 - gap(i, j)) for i, j in pairs if LABELS[i] != LABELS[j]]
    expected = sum(near) / len(near) + (sum(far) / max(1, sum(value > 0 for value in far)))
    assert float(loss_named("contrastive", margin=0.5, classes=3, dim=5)(ROWS, LABELS)) == pytest.approx(
        expected, rel=1e-5
    )


def test_multi_similarity_is_its_formula() -> None:
    """(Wang and others, 2019) with alpha 2, beta 50, base 0.5, on cosines."""
    cosines = (UNITS @ UNITS.T).double().numpy()
    labels = LABELS.numpy()
    total = 0.0
    for i in range(len(labels)):
        same = [j for j in range(len(labels)) if j != i and labels[j] == labels[i]]
        other = [j for j in range(len(labels)) if labels[j] != labels[i]]
        total += np.log1p(sum(np.exp(-2 * (cosines[i, j] - 0.5)) for j in same)) / 2
        total += np.log1p(sum(np.exp(50 * (cosines[i, j] - 0.5)) for j in other)) / 50
    found = loss_named("multi-similarity", margin=0.2, classes=3, dim=5)(ROWS, LABELS)
    assert float(found) == pytest.approx(total / len(labels), rel=1e-4)


def test_softpn_is_its_formula() -> None:
    values = []
    for a, p, n in triples():
        near, far = gap(a, p), min(gap(a, n), gap(p, n))
        share = np.exp(near) / (np.exp(near) + np.exp(far))
        values.append(share**2 + ((1 - share) - 1) ** 2)
    assert float(SoftPN()(ROWS, LABELS)) == pytest.approx(float(np.mean(values)), rel=1e-5)


def test_softpn_without_triplets_is_nothing_and_can_be_followed_back() -> None:
    rows = ROWS[:2].clone().requires_grad_()
    loss = SoftPN()(rows, torch.tensor([0, 1]))
    loss.backward()
    assert float(loss.detach()) == 0


def test_lifted_structure_is_its_formula() -> None:
    """(Oh Song and others, 2016) over positive pairs: (log sum of e^(1 - distance to negatives) + their distance)²."""
    values = []
    labels = LABELS.tolist()
    for i in range(len(labels)):
        for j in range(len(labels)):
            if i != j and labels[i] == labels[j]:
                others = [np.exp(1 - gap(a, n)) for a in (i, j) for n in range(len(labels)) if labels[n] != labels[a]]
                values.append(max(0.0, np.log(sum(others)) + gap(i, j)) ** 2 / 2)
    found = loss_named("lifted", margin=0.2, classes=3, dim=5)(ROWS, LABELS)
    assert float(found) == pytest.approx(float(np.mean(values)), rel=1e-4)


def test_proxy_nca_is_its_formula() -> None:
    """(Movshovitz-Attias and others, 2017) as a softmax over squared distances to all proxies, at a scale of 9."""
    torch.manual_seed(3)
    criterion = loss_named("proxy-nca", margin=0.2, classes=3, dim=5)
    proxies = torch.nn.functional.normalize(criterion.proxies).detach()  # type: ignore[arg-type]
    scores = -9 * torch.cdist(UNITS, proxies) ** 2
    expected = torch.nn.functional.cross_entropy(scores, LABELS)
    assert float(criterion(ROWS, LABELS).detach()) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("name", get_args(LossName))
def test_every_loss_gets_smaller_when_it_is_followed(name: str) -> None:
    torch.manual_seed(0)
    criterion = loss_named(name, margin=0.2, classes=3, dim=5)  # type: ignore[arg-type]
    rows = ROWS.clone().requires_grad_()
    optimiser = torch.optim.SGD([rows], lr=0.05)
    first = last = 0.0
    for step in range(40):
        loss = criterion(rows, LABELS)
        first, last = first if step else float(loss.detach()), float(loss.detach())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert last < first


def mined(name: MinerName) -> set[tuple[int, int, int]]:
    miner = miner_named(name, margin=0.4)
    assert miner is not None
    return set(zip(*(part.tolist() for part in miner(ROWS, LABELS)), strict=True))


def test_semi_hard_triplets_are_those_of_the_definition() -> None:
    """The negative is farther than the positive, and by less than the margin."""
    expected = {(a, p, n) for a, p, n in triples() if gap(a, p) < gap(a, n) <= gap(a, p) + 0.4}
    assert mined("semi-hard") == expected
    assert expected


def test_hard_triplets_are_farthest_positives_and_nearest_negatives() -> None:
    expected = set()
    for a in range(len(LABELS)):
        same = [j for j in range(len(LABELS)) if j != a and LABELS[j] == LABELS[a]]
        other = [j for j in range(len(LABELS)) if LABELS[j] != LABELS[a]]
        expected.add((a, max(same, key=lambda j: gap(a, j)), min(other, key=lambda j: gap(a, j))))
    assert mined("hard") == expected


def _mean() -> object:
    from pytorch_metric_learning.reducers import MeanReducer

    return MeanReducer()
