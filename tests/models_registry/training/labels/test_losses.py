"""Losses, miners and the memory across batches: by hand, by written-out loops, and by pytorch-metric-learning."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses as peer
from pytorch_metric_learning.distances import LpDistance
from torch import Tensor, nn

from models_registry.training.labels.label_configs import LossName, MinerName
from models_registry.training.labels.losses import (
    BatchMemory,
    SoftPN,
    hinge_loss,
    loss_named,
    miner_named,
    reviewed_loss,
)


def rows(count: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32))


def gap(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm())


def softpn_by_loop(triplets: list[tuple[Tensor, Tensor, Tensor]]) -> float:
    values = []
    for a, p, n in triplets:
        near, far = np.exp(gap(a, p)), np.exp(min(gap(a, n), gap(p, n)))
        values.append((near / (near + far)) ** 2 + (far / (near + far) - 1) ** 2)
    return float(np.mean(values))


def triplets_of(
    vectors: Tensor, labels: list[int], others: Tensor, other_labels: list[int], is_same_side: bool
) -> list[tuple[Tensor, Tensor, Tensor]]:
    return [
        (vectors[a], others[p], others[n])
        for a, p, n in itertools.product(range(len(labels)), range(len(other_labels)), range(len(other_labels)))
        if labels[a] == other_labels[p] and labels[a] != other_labels[n] and not (is_same_side and a == p)
    ]


@pytest.mark.parametrize("euclidean", [False, True])
def test_softpn_between_two_sides_takes_positives_and_negatives_from_the_other(euclidean: bool) -> None:
    vectors, others = rows(4, 0), rows(5, 1)
    labels, other_labels = [0, 1, 2, 1], [1, 0, 1, 2, 0]
    found = SoftPN(euclidean=euclidean)(vectors, torch.tensor(labels), None, others, torch.tensor(other_labels))
    scale: Callable[[Tensor], Tensor] = (lambda x: x) if euclidean else nn.functional.normalize
    expected = softpn_by_loop(triplets_of(scale(vectors), labels, scale(others), other_labels, is_same_side=False))
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("euclidean", [False, True])
def test_softpn_within_a_batch_takes_all_its_triplets_or_those_that_were_mined(euclidean: bool) -> None:
    vectors, labels = rows(6, 2), [0, 0, 1, 1, 1, 2]
    criterion = loss_named("softpn", margin=0.2, classes=3, dim=4, euclidean=euclidean)
    own = vectors if euclidean else nn.functional.normalize(vectors)
    every = softpn_by_loop(triplets_of(own, labels, own, labels, is_same_side=True))
    assert float(criterion(vectors, torch.tensor(labels))) == pytest.approx(every, rel=1e-5)
    mined = [(0, 1, 3), (2, 4, 5)]
    some = softpn_by_loop([(own[a], own[p], own[n]) for a, p, n in mined])
    indices = tuple(torch.tensor(column) for column in zip(*mined, strict=True))
    assert float(criterion(vectors, torch.tensor(labels), indices)) == pytest.approx(some, rel=1e-5)


def test_softpn_without_triplets_is_nothing_but_can_be_followed_back() -> None:
    vectors = rows(3, 0).requires_grad_()
    found = SoftPN()(vectors, torch.zeros(3), None, rows(3, 1), torch.zeros(3))
    found.backward()
    assert float(found.detach()) == 0
    assert vectors.grad is not None
    assert not vectors.grad.any()


@pytest.mark.parametrize("name", ["triplet", "contrastive", "lifted", "softpn"])
def test_losses_take_vectors_at_length_1_or_as_they_are(name: LossName) -> None:
    vectors, labels = rows(6, 3), torch.tensor([0, 0, 1, 1, 2, 2])

    def loss(euclidean: bool, scale: float) -> float:
        return float(loss_named(name, margin=0.7, classes=3, dim=4, euclidean=euclidean)(vectors * scale, labels))

    assert loss(euclidean=False, scale=1) == pytest.approx(loss(euclidean=False, scale=3), rel=1e-5)
    assert abs(loss(euclidean=True, scale=0.5) - loss(euclidean=True, scale=0.7)) > 1e-3
    assert float(loss_named(name, margin=0.7, classes=3, dim=4)(vectors * 2, labels)) == pytest.approx(
        loss(euclidean=False, scale=1), rel=1e-5
    )
    assert float(SoftPN()(vectors * 2, labels)) == pytest.approx(float(SoftPN()(vectors, labels)), rel=1e-5)


@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize("name", ["semi-hard", "hard"])
def test_triplets_are_mined_of_vectors_at_length_1_or_as_they_are(name: MinerName, euclidean: bool) -> None:
    vectors, labels = rows(9, 4) * torch.linspace(0.3, 2, 9)[:, None], [0, 1, 2] * 3
    miner = miner_named(name, margin=0.4, euclidean=euclidean)
    assert miner is not None
    found = set(zip(*(part.tolist() for part in miner(vectors, torch.tensor(labels))), strict=True))
    own = vectors if euclidean else nn.functional.normalize(vectors)
    expected = set()
    for a in range(9):
        near = {p: gap(own[a], own[p]) for p in range(9) if p != a and labels[p] == labels[a]}
        far = {n: gap(own[a], own[n]) for n in range(9) if labels[n] != labels[a]}
        if name == "hard":
            expected.add((a, max(near, key=near.__getitem__), min(far, key=far.__getitem__)))
        else:
            expected |= {(a, p, n) for p in near for n in far if near[p] < far[n] <= near[p] + 0.4}
    assert found == expected
    plain = miner_named(name, margin=0.4)
    assert plain is not None
    assert [*map(len, plain(vectors * 5, torch.tensor(labels)))] == [*map(len, plain(vectors, torch.tensor(labels)))]


def test_without_a_miner_all_triplets_of_a_batch_are_left_to_the_loss() -> None:
    assert miner_named("none", margin=0.2) is None


class Seen(nn.Module):
    """A loss or a miner that keeps what it was given."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.given: list[tuple[object, ...]] = []
        self.answer = answer

    def forward(self, *given: object) -> object:
        self.given.append(given)
        return self.answer


def test_a_memory_keeps_the_newest_vectors_of_all_batches_with_their_labels() -> None:
    memory = BatchMemory(5)
    criterion = Seen(torch.tensor(0.5))
    now, labels = rows(2, 9), torch.tensor([7, 8])
    kept: list[tuple[list[float], int]] = []
    for number, count in enumerate((2, 2, 3, 1, 7)):
        vectors, own = rows(count, number), torch.arange(count) + 10 * number
        memory.add(vectors.clone().requires_grad_(), own)
        kept = (kept + list(zip(vectors.tolist(), own.tolist(), strict=True)))[-5:]
        assert float(memory.remembered_loss(criterion, None, now, labels)) == 0.5
        given_vectors, given_labels, mined, old, old_labels = criterion.given[-1]
        assert given_vectors is now
        assert given_labels is labels
        assert mined is None
        assert isinstance(old, Tensor)
        assert isinstance(old_labels, Tensor)
        assert list(zip(old.tolist(), old_labels.tolist(), strict=True)) == kept
        assert not old.requires_grad


def test_what_is_remembered_is_mined_before_it_is_compared() -> None:
    memory, miner, criterion = BatchMemory(4), Seen("mined"), Seen(torch.tensor(0.5))
    memory.add(rows(3, 0), torch.arange(3))
    now, labels = rows(2, 9), torch.tensor([7, 8])
    memory.remembered_loss(criterion, miner, now, labels)
    (mined_of,) = miner.given
    assert mined_of[:2] == (now, labels)
    assert isinstance(mined_of[2], Tensor)
    assert mined_of[2].tolist() == rows(3, 0).tolist()
    assert criterion.given[0][2] == "mined"


def test_an_empty_memory_adds_nothing_and_can_be_followed_back() -> None:
    memory, criterion = BatchMemory(4), Seen(torch.tensor(0.5))
    now = rows(2, 9).requires_grad_()
    for _ in range(2):
        found = memory.remembered_loss(criterion, None, now, torch.tensor([0, 1]))
        assert float(found.detach()) == 0
        found.backward()
        memory.add(rows(3, 0), torch.arange(3))
        memory.clear()
    assert criterion.given == []
    assert now.grad is not None
    assert not now.grad.any()


def test_accepted_triplets_are_all_anchors_then_all_positives_then_all_negatives() -> None:
    anchor, positive, negative = rows(4, 0), rows(4, 1), rows(4, 2)
    expected = [max(0.0, 1.5 + gap(a, p) - gap(a, n)) for a, p, n in zip(anchor, positive, negative, strict=True)]
    found = reviewed_loss(torch.cat([anchor, positive, negative]), 1.5)
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-4)


def test_the_hinge_is_a_mean_and_equally_near_answers_are_not_told_apart() -> None:
    anchor = torch.tensor([[1.0, 2.0]] * 4)
    positive = anchor + torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    negative = anchor + torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, -1.5], [3.0, 4.0]])
    loss, accuracy = hinge_loss(anchor, positive, negative, 0.75)
    assert float(loss) == pytest.approx((0 + 0.75 + 0.25 + 0) / 4)
    assert float(accuracy) == 3 / 4


def test_the_hinge_of_a_picture_and_its_copy_can_be_followed_back() -> None:
    same = torch.zeros(1, 3, requires_grad=True)
    loss, _ = hinge_loss(same, same * 1, torch.ones(1, 3), 9.0)
    loss.backward()
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


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


def unit_gap(one: int, other: int, rows: torch.Tensor = UNITS) -> float:
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
    values = [max(0.0, unit_gap(a, p) - unit_gap(a, n) + 0.2) for a, p, n in triples()]
    active = [value for value in values if value > 0]
    found = loss_named("triplet", margin=0.2, classes=3, dim=5)(ROWS, LABELS)
    assert float(found) == pytest.approx(sum(active) / len(active), rel=1e-5)


def test_contrastive_pulls_pairs_together_and_pushes_others_to_the_margin() -> None:
    pairs = [(i, j) for i, j in itertools.permutations(range(len(LABELS)), 2)]
    near = [unit_gap(i, j) for i, j in pairs if LABELS[i] == LABELS[j]]
    far = [max(0.0, 0.5 - unit_gap(i, j)) for i, j in pairs if LABELS[i] != LABELS[j]]
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
        near, far = unit_gap(a, p), min(unit_gap(a, n), unit_gap(p, n))
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
                others = [
                    np.exp(1 - unit_gap(a, n)) for a in (i, j) for n in range(len(labels)) if labels[n] != labels[a]
                ]
                values.append(max(0.0, np.log(sum(others)) + unit_gap(i, j)) ** 2 / 2)
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
    expected = {(a, p, n) for a, p, n in triples() if unit_gap(a, p) < unit_gap(a, n) <= unit_gap(a, p) + 0.4}
    assert mined("semi-hard") == expected
    assert expected


def test_hard_triplets_are_farthest_positives_and_nearest_negatives() -> None:
    expected = set()
    for a in range(len(LABELS)):
        same = [j for j in range(len(LABELS)) if j != a and LABELS[j] == LABELS[a]]
        other = [j for j in range(len(LABELS)) if LABELS[j] != LABELS[a]]
        expected.add((a, max(same, key=lambda j: unit_gap(a, j)), min(other, key=lambda j: unit_gap(a, j))))
    assert mined("hard") == expected


def _mean() -> object:
    from pytorch_metric_learning.reducers import MeanReducer

    return MeanReducer()
