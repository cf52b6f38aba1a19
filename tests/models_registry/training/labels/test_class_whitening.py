"""Where a projection begins: the directions that scipy's generalised eigenvectors of the two scatters give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from models_registry.store import Vectors
from models_registry.training.common.heads import Centre, Normalise
from models_registry.training.labels import class_whitening
from models_registry.training.labels.batch_sampler import BalancedSampler
from models_registry.training.labels.class_whitening import whitened_start
from models_registry.training.labels.groups import Groups
from models_registry.training.labels.label_configs import LoopConfig
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.clouds import clouds

ROWS = 120


def started(
    folder: Path, table: np.ndarray, group_of: np.ndarray, is_query: np.ndarray | None, dim: int
) -> tuple[list[nn.Module], np.ndarray]:
    """What a projection begins with, and the rows that it was begun on."""
    data = replace(clouds(products=len(table), pictures=1), vectors=Vectors.from_array(table.astype(np.float32)))
    session = Session("triplet", data, LoopConfig(validation_share=0.2), folder)
    sampler = BalancedSampler(np.arange(2), np.zeros(2), np.zeros(2), groups=1, per_group=1, categories=1)
    torch.manual_seed(0)
    return whitened_start(session, Groups(group_of, [], is_query, sampler, 1), dim), session.splits["train"]


def grouped_units(table: np.ndarray, rows: np.ndarray, group_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of training pictures with a group, centred and of length 1, and their groups."""
    centred = table[rows] - table[rows].mean(axis=0)
    units = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return units[group_of[rows] >= 0], group_of[rows][group_of[rows] >= 0]


def spread_by_loop(units: np.ndarray, codes: np.ndarray, is_query: np.ndarray | None) -> np.ndarray:
    """3 on the diagonal, and the scatter of groups with a mean eigenvalue of 1."""
    width = units.shape[1]
    within, steps = np.zeros((width, width)), []
    for code in np.unique(codes):
        means = []
        for side in (True, False) if is_query is not None else (None,):
            part = units[(codes == code) & (True if is_query is None else is_query == side)]
            if len(part):
                means.append(part.mean(axis=0))
                within += sum(np.outer(row - means[-1], row - means[-1]) for row in part)
        if len(means) == 2:
            steps.append(np.outer(means[0] - means[1], means[0] - means[1]))
    spread = within / len(units) + (np.mean(steps, axis=0) if steps else 0)
    return 3 * np.eye(width) + spread / (np.trace(spread) / width)


def same_up_to_sign(found: np.ndarray, expected: np.ndarray) -> bool:
    signs = np.sign((found * expected).sum(axis=1, keepdims=True))
    return bool(np.allclose(found, expected * signs, atol=1e-4))


def directions(units: np.ndarray, spread: np.ndarray, dim: int) -> np.ndarray:
    return scipy.linalg.eigh(units.T @ units, spread)[1][:, ::-1][:, :dim].T


def drawn_table(width: int, rank: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scales = np.linspace(1, 3, rank)
    return (rng.standard_normal((ROWS, rank)) * scales) @ np.linalg.qr(rng.standard_normal((width, width)))[0][
        :rank
    ] + 1


@pytest.mark.parametrize("groups", [1, 12])
@pytest.mark.parametrize("domains", [False, True])
@pytest.mark.parametrize("dim", [3, 6, 15])
def test_directions_are_those_in_which_pictures_vary_most_beside_their_groups(
    tmp_path: Path, dim: int, domains: bool, groups: int
) -> None:
    table, rng = drawn_table(6, 6), np.random.default_rng(1)
    group_of = rng.integers(-1, groups, size=ROWS)
    # The pictures of some groups are of one domain.
    is_query = (rng.random(ROWS) < 0.5) & (group_of % 3 != 1) if domains else None
    (centre, normalise, linear), rows = started(tmp_path, table, group_of, is_query, dim)
    assert isinstance(centre, Centre)
    assert isinstance(normalise, Normalise)
    assert isinstance(linear, nn.Linear)
    assert centre.mean.numpy() == pytest.approx(table[rows].mean(axis=0), rel=1e-5)
    assert not linear.bias.any()
    units, codes = grouped_units(table, rows, group_of)
    spread = spread_by_loop(units, codes, None if is_query is None else is_query[rows][group_of[rows] >= 0])
    expected = directions(units, spread, dim)
    weight = linear.weight.detach().numpy()
    assert weight.shape == (dim, 6)
    assert same_up_to_sign(weight[:6], expected)
    if dim > 6:
        torch.manual_seed(0)
        orthogonal = nn.init.orthogonal_(nn.Linear(6, dim).weight).detach().numpy()
        shortest = np.linalg.norm(expected, axis=1).min()
        assert weight[6:] == pytest.approx(orthogonal[6:] * shortest, abs=1e-5)


@pytest.mark.parametrize(("most", "rank"), [(50, 8), (50, 5), (7, 8)])
def test_longer_vectors_are_whitened_in_the_principal_directions_of_evenly_spaced_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, rank: int
) -> None:
    assert class_whitening.MOST_DIM == 2048
    width = most + 2
    monkeypatch.setattr(class_whitening, "MOST_DIM", most)
    table = drawn_table(width, rank)
    group_of = np.random.default_rng(1).integers(-1, 12, size=ROWS)
    (_, _, linear), rows = started(tmp_path, table, group_of, None, 4)
    units, codes = grouped_units(table, rows, group_of)
    chosen = units[np.linspace(0, len(units) - 1, most).round().astype(int)]
    _, values, axes = np.linalg.svd(chosen, full_matrices=False)
    axes = axes[values > 1e-5 * values[0]]
    assert len(axes) == min(rank, most)
    reduced = units @ axes.T
    expected = directions(reduced, spread_by_loop(reduced, codes, None), 4) @ axes
    assert same_up_to_sign(linear.weight.detach().numpy(), expected)


def test_vectors_of_just_so_many_numbers_are_whitened_in_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_whitening, "MOST_DIM", 8)
    table = drawn_table(8, 3)
    group_of = np.arange(ROWS) // 4
    (_, _, linear), rows = started(tmp_path, table, group_of, None, 8)
    units, codes = grouped_units(table, rows, group_of)
    weight = linear.weight.detach().numpy()
    assert weight @ spread_by_loop(units, codes, None) @ weight.T == pytest.approx(np.eye(8), abs=1e-3)


def test_fewer_pictures_than_directions_span_what_they_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_whitening, "MOST_DIM", 20)
    table = drawn_table(30, 30)
    group_of = np.where(np.arange(ROWS) < 16, np.arange(ROWS) // 4, -1)
    (_, _, linear), rows = started(tmp_path, table, group_of, None, 30)
    units, codes = grouped_units(table, rows, group_of)
    count = len(units)
    assert 4 < count < 17
    axes = np.linalg.svd(units, full_matrices=False)[2]
    reduced = units @ axes.T
    expected = directions(reduced, spread_by_loop(reduced, codes, None), count) @ axes
    weight = linear.weight.detach().numpy()
    assert same_up_to_sign(weight[:count], expected)
    assert np.linalg.norm(weight[count:], axis=1).max() <= np.linalg.norm(expected, axis=1).min() + 1e-5


def test_pictures_that_are_all_alike_within_their_groups_are_whitened_too(tmp_path: Path) -> None:
    places = np.random.default_rng(0).standard_normal((4, 3))
    group_of = np.arange(ROWS) % 4
    (_, _, linear), rows = started(tmp_path, places[group_of], group_of, None, 3)
    units, _ = grouped_units(places[group_of], rows, group_of)
    assert same_up_to_sign(linear.weight.detach().numpy(), directions(units, 3 * np.eye(3), 3))
