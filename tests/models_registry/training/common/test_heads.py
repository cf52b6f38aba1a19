"""Heads as torch trains them and as numpy runs them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from models_registry.encoders.checkpoint import apply_head
from models_registry.training.common.heads import Centre, Guesses, Normalise, export_head

DIM = 7


def trained_norm(dim: int) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(dim, eps=0.3)
    for values in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(values)
    nn.init.uniform_(norm.running_var, 0.2, 3.0)
    return norm


def many_layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        Centre(torch.randn(DIM)), nn.Dropout(0.5), nn.Linear(DIM, 5), nn.ReLU(), nn.Dropout(0.5), trained_norm(5),
        Guesses(torch.randn(3, 5), torch.randn(3)), Normalise(), nn.Linear(8, 4), nn.Dropout(0.1), Normalise(),
    )  # fmt: skip


def test_numpy_answers_behind_every_module_as_torch_does() -> None:
    layers = many_layers().eval()
    taps = [(f"behind-{after}", after) for after in range(1, len(layers) + 1)]
    rows = torch.randn(9, DIM, generator=torch.Generator().manual_seed(1))

    head, tensors = export_head(list(layers), taps)

    assert head.layers == (
        "centre", "linear", "relu", "batchnorm", "guesses", "normalise", "linear", "normalise",
    )  # fmt: skip
    for name, after in taps:
        with torch.no_grad():
            expected = layers[:after](rows).numpy()
        assert head.tap_named(name).dim == expected.shape[1], name
        assert apply_head(head, tensors, rows.numpy(), tap=name) == pytest.approx(expected, abs=1e-5), name
    assert all(values.dtype == np.float32 for values in tensors.values())


def test_a_head_may_begin_with_guesses_or_a_normalisation() -> None:
    torch.manual_seed(2)
    for first, dim in ((Guesses(torch.randn(3, DIM), torch.randn(3)), DIM + 3), (trained_norm(DIM), DIM)):
        head, _ = export_head([first, Normalise()], [("vectors", 2)])
        assert head.taps[0].dim == dim


def test_what_is_not_trained_moves_to_a_device_and_into_checkpoints_and_has_no_gradient() -> None:
    modules = nn.ModuleList([Centre(torch.randn(DIM)), Guesses(torch.randn(3, DIM), torch.randn(3))])
    assert set(modules.state_dict()) == {"0.mean", "1.weight", "1.bias"}
    assert not list(modules.parameters())


def test_probabilities_of_guesses_stand_behind_the_vector() -> None:
    weight, bias, rows = torch.randn(3, DIM), torch.randn(3), torch.randn(4, DIM)
    found = Guesses(weight, bias)(rows).numpy()
    raised = np.exp(rows.numpy().astype(np.float64) @ weight.numpy().T + bias.numpy())
    assert found[:, :DIM] == pytest.approx(rows.numpy())
    assert found[:, DIM:] == pytest.approx(raised / raised.sum(axis=1, keepdims=True), abs=1e-5)


def test_vectors_of_next_to_no_length_are_divided_by_the_same_number_in_torch_and_numpy() -> None:
    rows = np.zeros((4, DIM), dtype=np.float32)
    rows[1:, 2] = [1e-13, 1.5e-12, 1e-3]
    head, tensors = export_head([Centre(torch.zeros(DIM)), Normalise()], [("vectors", 2)])
    found = Normalise()(torch.from_numpy(rows)).numpy()
    assert found[:, 2] == pytest.approx([0.0, 0.1, 1.0, 1.0], rel=1e-4)
    assert apply_head(head, tensors, rows) == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("module", [nn.Tanh(), nn.BatchNorm2d(3), nn.BatchNorm1d(3, track_running_stats=False)])
def test_a_layer_that_numpy_cannot_run_is_refused_by_name(module: nn.Module) -> None:
    with pytest.raises(TypeError, match=f"A head cannot keep a {type(module).__name__}"):
        export_head([nn.Linear(3, 3), module], [("vectors", 2)])
