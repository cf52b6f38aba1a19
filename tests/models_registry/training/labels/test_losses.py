"""Losses between two sides, the memory across batches, and hinges: by written-out loops over triplets."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
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
