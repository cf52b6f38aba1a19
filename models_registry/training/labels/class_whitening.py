"""Where a projection begins: directions in which pictures of one group differ count less (within-class whitening)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from models_registry.training.common.heads import Centre, Normalise

if TYPE_CHECKING:
    from torch import Tensor

    from models_registry.training.labels.groups import Groups
    from models_registry.training.labels.run_context import Session

MOST_DIM = 2048
"""Scatters of more directions take longer than they are worth: of longer vectors the principal ones are whitened."""
_SHRINK = 3.0
"""Whitening is halved towards the identity where the spread is so many times the mean one: few groups, many numbers."""


def whitened_start(session: Session, groups: Groups, dim: int) -> list[nn.Module]:
    """Centre, length 1, and a linear layer to `dim` numbers that undoes how pictures of one group differ.

    The layer is V (w + 3)^-1/2 for the eigenvalues w (mean 1) and vectors V of the groups' scatter, plus that of the
    steps from one domain's mean to the other's where there are two, then the `dim` directions in which the training
    pictures vary most. Vectors of more than 2,048 numbers are first brought to so many principal directions.
    """
    rows = session.splits["train"]
    mean = session.features.mean_vector(rows)
    width = session.features.dim
    linear = nn.Linear(width, dim)
    nn.init.orthogonal_(linear.weight)
    nn.init.zeros_(linear.bias)
    grouped_rows = rows[groups.group_of[rows] >= 0]
    vectors = nn.functional.normalize(session.features.take(grouped_rows) - mean)
    axes = _principal_axes(vectors) if width > MOST_DIM else None
    reduced_vectors = (vectors if axes is None else vectors @ axes).double()
    codes = torch.from_numpy(groups.group_of[grouped_rows])
    is_query = None if groups.is_query is None else torch.from_numpy(groups.is_query[grouped_rows])
    with torch.no_grad():
        directions = _whitened_directions(
            reduced_vectors, _scatter_within_groups(reduced_vectors, codes, is_query), dim
        ).float()
        directions = directions if axes is None else directions @ axes.T
        linear.weight[: len(directions)] = directions
        linear.weight[len(directions) :] *= float(directions.norm(dim=1).min())
    return [Centre(mean), Normalise(), linear]


def _principal_axes(vectors: Tensor) -> Tensor:
    """The principal directions [d, k] of vectors [n, d], at most 2,048, found on as many of them, evenly spaced."""
    drawn = vectors[torch.linspace(0, len(vectors) - 1, min(len(vectors), MOST_DIM)).round().long()].double()
    values, sides = torch.linalg.eigh(drawn @ drawn.T)
    is_nonzero = values > 1e-9 * values.max()
    axes: Tensor = drawn.T @ (sides[:, is_nonzero] / values[is_nonzero].sqrt())
    return axes.float()


def _scatter_within_groups(vectors: Tensor, codes: Tensor, is_query: Tensor | None) -> Tensor:
    """The scatter [d, d] within groups, scaled to a mean eigenvalue of 1."""
    width = vectors.shape[1]
    within, across = torch.zeros(width, width, dtype=torch.float64), torch.zeros(width, width, dtype=torch.float64)
    steps = 0
    for group in torch.unique(codes):
        members = codes == group
        sides = [members] if is_query is None else [members & is_query, members & ~is_query]
        means = []
        for side in sides:
            part = vectors[side]
            if len(part):
                means.append(part.mean(dim=0))
                centred = part - means[-1]
                within += centred.T @ centred
        if len(means) == 2:
            step = (means[0] - means[1])[:, None]
            across += step @ step.T
            steps += 1
    spread = within / len(vectors) + across / max(steps, 1)
    return spread / (torch.trace(spread) / width).clamp(min=1e-12)


def _whitened_directions(vectors: Tensor, spread: Tensor, dim: int) -> Tensor:
    values, axes = torch.linalg.eigh(spread + _SHRINK * torch.eye(len(spread), dtype=torch.float64))
    whiten = axes * values**-0.5
    scatter = (vectors @ whiten).T @ (vectors @ whiten)
    _, order = torch.linalg.eigh(scatter)
    directions: Tensor = (whiten @ order.flip(1)[:, :dim]).T
    return directions
