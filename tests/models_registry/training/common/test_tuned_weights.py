"""Which weights of plain networks learn along, by the last blocks before a tap, and how changes of low rank add up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models_registry.encoders.efficientnet.efficientnet_network import BlockLayout, EfficientNet, EfficientNetLayout
from models_registry.encoders.vgg.vgg_network import Vgg, VggLayout, random_vgg
from models_registry.training.common import tuned_weights
from models_registry.training.common.training_errors import TrainingError
from models_registry.training.common.tuned_weights import (
    How,
    TunedWeights,
    Tuning,
    blocks_before,
    last_layers,
    require_library,
)

PICTURES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
FEATURES = ["features.0", "features.2", "features.5", "features.8", "features.10", "features.12"]
"""The convolutions of a VGG of three blocks, with two, one and three of them."""


def vgg() -> Vgg:
    layout = VggLayout(blocks=((4, 6), (8,), (8, 8, 8)), pooled=2, hidden=16, classes=5)
    return random_vgg(layout, 0).requires_grad_(requires_grad=True)


def efficientnet() -> EfficientNet:
    torch.manual_seed(0)
    blocks = (BlockLayout(1, 3, 1, 1, 8), BlockLayout(2, 3, 2, 2, 12))
    return EfficientNet(EfficientNetLayout(stem=8, blocks=blocks, embedding=16, classes=5))


def owners_of(weights: TunedWeights) -> set[str]:
    """The layers of which weights learn."""
    return {name.rpartition("/")[0].replace("/", ".") for name, _ in weights.named_parameters()}


@pytest.mark.parametrize(
    ("tap", "blocks", "expected"),
    [
        ("pool5", 1, FEATURES[3:]),
        ("pool5", 2, FEATURES[2:]),
        ("pool5", 3, FEATURES),
        ("pool5", 9, FEATURES),
        ("pool5", 0, FEATURES),
        ("fc6", 1, ["classifier.0"]),
        ("fc6-pre", 2, [*FEATURES[3:], "classifier.0"]),
        ("fc7-pre", 1, ["classifier.3"]),
        ("fc7", 2, ["classifier.0", "classifier.3"]),
        ("fc7", 3, [*FEATURES[3:], "classifier.0", "classifier.3"]),
        ("fc7", 0, [*FEATURES, "classifier.0", "classifier.3"]),
    ],
)
def test_the_last_blocks_of_a_vgg_before_a_tap_learn(tap: str, blocks: int, expected: list[str]) -> None:
    """What lies between two poolings is a block, and each fully connected layer is one."""
    network = vgg()
    weights = TunedWeights(network, tap, Tuning("blocks", blocks))
    assert owners_of(weights) == set(expected)
    learning = {name for name, values in network.named_parameters() if values.requires_grad}
    assert learning == {f"{layer}.{part}" for layer in expected for part in ("weight", "bias")}
    layers = dict(network.named_modules())
    assert [id(one) for one in last_layers(network, tap, blocks)] == [id(layers[name]) for name in expected]


BEHIND = {"_conv_head", "_bn1"}
LAST_BLOCK = {
    f"_blocks.2.{part}" for part in ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
}


@pytest.mark.parametrize(
    ("tap", "blocks", "expected"),
    [
        ("embedding", 1, LAST_BLOCK | BEHIND),
        ("features", 1, LAST_BLOCK | BEHIND),
        ("logits", 1, LAST_BLOCK | BEHIND | {"_fc"}),
    ],
)
def test_the_last_block_of_an_efficientnet_learns_with_what_comes_behind(
    tap: str, blocks: int, expected: set[str]
) -> None:
    network = efficientnet()
    assert owners_of(TunedWeights(network, tap, Tuning("blocks", blocks))) == expected
    found, behind = blocks_before(network, tap)
    assert len(found) == 3
    assert len(behind) == (3 if tap == "logits" else 2)


def test_all_blocks_leave_the_stem_alone_and_the_whole_network_does_not() -> None:
    cases: list[tuple[How, int, bool]] = [("blocks", 0, False), ("backbone", 1, True), ("backbone", 0, True)]
    for how, blocks, learns in cases:
        network = efficientnet()
        owners = owners_of(TunedWeights(network, "embedding", Tuning(how, blocks)))
        assert ({"_conv_stem", "_fc"} <= owners) == learns
        assert {"_blocks.0._depthwise_conv", "_blocks.1._project_conv"} <= owners
        assert not network.training


def changed_slowly(network: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, values in network.state_dict().items() if bool((values != before[name]).any())}


def test_a_step_changes_what_learns_and_nothing_else_is_written() -> None:
    network = efficientnet()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    weights = TunedWeights(network, "embedding", Tuning("blocks", 1))
    assert weights.changed_weights() == {}

    network(PICTURES, ["embedding"])["embedding"].square().sum().backward()
    torch.optim.SGD(weights.parameters(), lr=0.1).step()

    changed = weights.changed_weights()
    assert set(changed) == changed_slowly(network, before)
    assert "_conv_head.weight" in changed
    assert all(name.startswith(("_blocks.2.", "_conv_head", "_bn1.")) for name in changed)
    assert not any("running" in name for name in changed)


def test_a_checkpoint_of_what_learns_holds_nothing_else_and_puts_it_back() -> None:
    weights, others = (TunedWeights(vgg(), "fc6", Tuning("blocks", 1)) for _ in range(2))
    state = {name: values + 1 for name, values in weights.state_dict().items()}
    assert set(state) == {"classifier/0/weight", "classifier/0/bias"}
    others.load_state_dict(state)
    assert set(others.changed_weights()) == {"classifier.0.weight", "classifier.0.bias"}
    assert torch.equal(others.changed_weights()["classifier.0.bias"], state["classifier/0/bias"])


@pytest.fixture
def _with_peft() -> None:
    pytest.importorskip("peft", reason="peft is optional and not installed")


@pytest.mark.usefixtures("_with_peft")
@pytest.mark.parametrize(
    ("network", "tap", "blocks", "expected"),
    [
        (vgg, "fc6", 1, {"classifier.0"}),
        (vgg, "fc6", 2, {*FEATURES[3:], "classifier.0"}),
        (efficientnet, "embedding", 1, {"_blocks.2._expand_conv", "_blocks.2._project_conv", "_conv_head"}),
        (efficientnet, "logits", 1, {"_blocks.2._expand_conv", "_blocks.2._project_conv", "_conv_head", "_fc"}),
    ],
)
def test_changes_of_low_rank_are_made_to_layers_that_mix_all_of_their_inputs(
    network: Callable[[], Vgg], tap: str, blocks: int, expected: set[str]
) -> None:
    weights = TunedWeights(network(), tap, Tuning("lora", blocks, rank=2))
    names = [name for name, _ in weights.named_parameters()]
    assert all("lora_A" in name or "lora_B" in name for name in names)
    assert {name.partition("/lora_")[0].replace("/", ".") for name in names} == expected


def low_rank(seed: int, rank: int = 3) -> tuple[Vgg, TunedWeights, dict[str, Tensor]]:
    network = vgg()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    return network, TunedWeights(network, "fc7", Tuning("lora", 2, rank=rank, seed=seed)), before


@pytest.mark.usefixtures("_with_peft")
@pytest.mark.parametrize("rank", [1, 3])
def test_a_merged_weight_is_the_one_before_and_twice_the_product_of_both_factors(rank: int) -> None:
    network, weights, before = low_rank(0, rank)
    generator = torch.Generator().manual_seed(1)
    factors: dict[str, Tensor] = {}
    with torch.no_grad():
        for name, values in weights.named_parameters():
            values.copy_(torch.randn(values.shape, generator=generator))
            layer, _, which = name.replace("/", ".").partition(".lora_")
            factors[f"{layer}.{which[0]}"] = values.clone()

    changed = weights.changed_weights()

    assert set(changed) == {"classifier.0.weight", "classifier.3.weight"}
    for layer in ("classifier.0", "classifier.3"):
        assert factors[f"{layer}.A"].shape[0] == rank
        expected = before[f"{layer}.weight"] + 2 * factors[f"{layer}.B"] @ factors[f"{layer}.A"]
        assert torch.allclose(changed[f"{layer}.weight"], expected, atol=1e-4)
    assert set(network.state_dict()) == set(before)
    assert {name: values.tolist() for name, values in weights.changed_weights().items()} == {
        name: values.tolist() for name, values in changed.items()
    }


@pytest.mark.usefixtures("_with_peft")
def test_changes_of_low_rank_begin_at_nothing_and_learn_from_all_of_their_inputs() -> None:
    network, weights, _ = low_rank(0)
    found = network(PICTURES, ["fc7-pre"])["fc7-pre"]
    assert torch.allclose(found, vgg()(PICTURES, ["fc7-pre"])["fc7-pre"], atol=1e-6)
    found.square().sum().backward()
    gradients = {name: values.grad for name, values in weights.named_parameters() if "lora_B" in name}
    assert len(gradients) == 2
    assert all(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients.values())
    assert weights.changed_weights() == {}


@pytest.mark.usefixtures("_with_peft")
def test_the_seed_alone_decides_where_changes_of_low_rank_begin() -> None:
    torch.manual_seed(7)
    first = {name: values.clone() for name, values in low_rank(4)[1].state_dict().items()}
    torch.manual_seed(8)
    again, other = (low_rank(seed)[1].state_dict() for seed in (4, 5))
    assert all(torch.equal(values, again[name]) for name, values in first.items())
    assert any(not torch.equal(values, other[name]) for name, values in first.items())


def test_the_library_is_asked_for_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_there in (True, False):
        monkeypatch.setattr(tuned_weights, "find_spec", lambda _name, found=is_there: object() if found else None)
        for how in ("backbone", "blocks", "head", *(["lora"] if is_there else [])):
            require_library(how)
    with pytest.raises(TrainingError, match="tune=lora needs the library peft"):
        require_library("lora")
