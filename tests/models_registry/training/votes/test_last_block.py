"""The layers that learn along, their changes of low rank, and how far they went, on layers of a few numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from models_registry.encoders.efficientnet.efficientnet_network import LITE0, blank_efficientnet
from models_registry.encoders.hf.hf_network import HfNetwork
from models_registry.encoders.vgg.vgg_network import TINY, VGG16, blank_vgg
from models_registry.training.votes.last_block import LowRank, Pull, last_block, merge_low_rank, with_low_rank


@pytest.mark.parametrize(("tap", "place"), [("fc6", 0), ("fc6-pre", 0), ("fc7", 3), ("fc7-pre", 3)])
def test_before_a_layer_of_a_vgg_that_is_fully_connected_it_learns_alone(tap: str, place: int) -> None:
    vgg = blank_vgg(TINY)
    assert last_block(vgg, tap) == [vgg.classifier[place]]


def test_before_the_last_map_of_a_vgg_all_convolutions_of_the_last_block_learn() -> None:
    for layout, places in ((VGG16, (24, 26, 28)), (TINY, (12,))):
        vgg = blank_vgg(layout)
        assert last_block(vgg, "pool5") == [vgg.features[place] for place in places]


def test_of_an_efficientnet_the_layer_before_the_tap_learns() -> None:
    network = blank_efficientnet(LITE0)
    assert last_block(network, "logits") == network.last_block("logits") != network.last_block("embedding")


class _Transformer(nn.Module):
    """Three blocks, each of a convolution, a normalisation and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(image_size=4)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 3))) for _ in range(3)
        )


def test_of_a_network_of_transformers_the_linear_layers_and_convolutions_of_the_last_block_learn() -> None:
    model = _Transformer()
    last = model.layers[2]
    assert last_block(HfNetwork(model, has_pooling=False), "pooled") == [last[0], last[1][1]]


def test_a_change_of_low_rank_begins_at_nothing_and_is_the_product_of_two_narrow_matrices() -> None:
    torch.manual_seed(0)
    weight = torch.randn(6, 2, 3, 3)
    change = LowRank(weight, 4)
    assert (change.up.shape, change.down.shape) == ((6, 4), (4, 18))
    assert torch.equal(change(weight), weight)
    with torch.no_grad():
        change.up.normal_()
    expected = weight.flatten(1) + change.up @ change.down
    assert torch.allclose(change(weight).flatten(1), expected)
    assert torch.linalg.matrix_rank((change(weight) - weight).flatten(1), tol=1e-4) == 4


@pytest.mark.parametrize(("shape", "rank", "used"), [((6, 9), 4, 4), ((3, 9), 4, 3), ((9, 2), 4, 2), ((1, 7), 4, 1)])
def test_the_rank_is_no_greater_than_the_matrix_has(shape: tuple[int, int], rank: int, used: int) -> None:
    change = LowRank(torch.zeros(shape), rank)
    assert (change.up.shape, change.down.shape) == ((shape[0], used), (used, shape[1]))


def test_what_goes_into_a_change_keeps_its_size_however_wide_the_layer_is() -> None:
    torch.manual_seed(1)
    for columns in (25, 900):
        down = LowRank(torch.zeros(200, columns), 200).down
        assert (down @ torch.ones(columns)).std().item() == pytest.approx(1, abs=0.2)
        assert down.std().item() == pytest.approx(columns**-0.5, rel=0.1)


def test_layers_answer_as_changed_and_keep_that_when_changes_are_merged() -> None:
    torch.manual_seed(2)
    block: list[nn.Module] = [nn.Linear(5, 4), nn.Conv2d(4, 3, 2)]
    before = [layer.get_parameter("weight").detach().clone() for layer in block]
    changes = with_low_rank(block, 2)
    assert len(changes) == 2
    assert all(isinstance(change, LowRank) for change in changes)
    assert all(parametrize.is_parametrized(layer, "weight") for layer in block)
    for layer, weight in zip(block, before, strict=True):
        assert torch.equal(layer.weight, weight)  # type: ignore[arg-type]
    pictures = torch.randn(7, 5)
    for change in changes:
        nn.init.normal_(change.get_parameter("up"))
    changed = block[0](pictures)
    assert not torch.allclose(changed, nn.functional.linear(pictures, before[0], block[0].get_parameter("bias")))
    merge_low_rank(block)
    assert not any(parametrize.is_parametrized(layer) for layer in block)
    assert torch.allclose(block[0](pictures), changed, atol=1e-6)
    merge_low_rank(block)
    assert torch.allclose(block[0](pictures), changed, atol=1e-6)


def test_the_pull_is_the_squared_way_from_the_start_as_a_share_of_its_squared_length() -> None:
    torch.manual_seed(3)
    layers: list[nn.Module] = [nn.Linear(3, 2), nn.Linear(2, 4, bias=False), nn.Conv2d(1, 2, 2)]
    weights = [weight for layer in layers for weight in layer.parameters()]
    start = [weight.detach().clone() for weight in weights]
    pull = Pull(layers)
    assert pull().item() == 0.0
    for weight in weights:
        nn.init.normal_(weight)
    moved = sum(float(((weight - was) ** 2).sum().detach()) for weight, was in zip(weights, start, strict=True))
    way = sum(float((was**2).sum()) for was in start)
    assert pull().item() == pytest.approx(moved / way, rel=1e-5)
    pull().backward()
    gradient = layers[0].get_parameter("weight").grad
    assert gradient is not None
    expected = 2 * (layers[0].get_parameter("weight").detach() - start[0]) / way
    np.testing.assert_allclose(gradient.numpy(), expected.numpy(), rtol=1e-4)
