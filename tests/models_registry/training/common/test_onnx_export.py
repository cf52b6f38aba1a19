"""The ONNX file of a trained encoder answers as its network in torch with the layers of its head behind it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models_registry.encoders.checkpoint import SPEC, write_checkpoint
from models_registry.encoders.efficientnet.efficientnet_lite0 import package_file
from models_registry.encoders.efficientnet.efficientnet_network import LITE0, EfficientNet
from models_registry.encoders.encoder_choices import SHALLOW
from models_registry.encoders.shallow_paths import DIM, with_paths
from models_registry.encoders.tunable_networks import network_with_weights, read_state
from models_registry.encoders.vgg import vgg_network
from models_registry.encoders.vgg.vgg_network import TINY, VggLayout, random_vgg
from models_registry.registry import describe
from models_registry.spec import EncoderSpec, Preprocess
from models_registry.training.common.heads import Centre, Guesses, Normalise, export_head
from models_registry.training.common.onnx_export import export_onnx
from models_registry.training.common.training_errors import TrainingError
from tests.models_registry.encoders.onnx_files import write_network

Under = Callable[[Tensor], Tensor]


def noise(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, 3, side, side)).astype(np.float32)


def one_layer(dim: int) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(dim, 6))


def write_trained(
    folder: Path,
    base: EncoderSpec,
    base_tap: str,
    layers: nn.Sequential,
    taps: Sequence[tuple[str, int]] = (("vectors", 1),),
    tuned: nn.Module | None = None,
) -> Path:
    head, tensors = export_head(list(layers), taps)
    backbone = None if tuned is None else {name: values.numpy() for name, values in tuned.state_dict().items()}
    write_checkpoint(folder, base=base, base_tap=base_tap, head=head, tensors=tensors, backbone=backbone)
    return folder / SPEC


def answers_of(file: Path, pictures: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: pictures}), strict=True))


def check_answers(
    spec_path: Path,
    under: Under,
    layers: nn.Sequential,
    pictures: np.ndarray,
    taps: Sequence[tuple[str, int]] = (("vectors", 1),),
) -> onnx.ModelProto:
    """Every tap of the file against torch; the file itself."""
    output = spec_path.parent / "answers.onnx"
    export_onnx(spec_path, output)
    found = answers_of(output, pictures)
    assert list(found) == [name for name, _ in taps]
    with torch.no_grad():
        below = under(torch.from_numpy(pictures))
        for name, count in taps:
            expected = layers[:count].eval()(below).numpy()
            assert found[name] == pytest.approx(expected, abs=1e-4 * float(np.abs(expected).max())), name
    return onnx.load(str(output))


def test_every_kind_of_layer_and_every_tap_of_a_head_answers_as_in_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(8)
    for values in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(values)
    nn.init.uniform_(norm.running_var, 0.5, 2.0)
    wide = nn.Linear(256, 8)
    nn.init.normal_(wide.weight)
    layers = nn.Sequential(
        Centre(torch.randn(256) / 10), wide, nn.ReLU(), norm, Guesses(torch.randn(3, 8), torch.randn(3)),
        nn.Linear(11, 5), Normalise(),
    )  # fmt: skip
    taps = (("hidden", 3), ("guessed", 5), ("vectors", 7))
    path = write_trained(tmp_path / "net", describe("tiny-vgg"), "fc6", layers, taps)
    network = random_vgg(TINY, 0)

    check_answers(path, lambda pictures: network(pictures, ["fc6"])["fc6"], layers, noise(3, 64), taps)


@pytest.mark.parametrize("tap", ["pool5", "fc6-pre", "fc6", "fc7-pre", "fc7"])
@pytest.mark.parametrize(("side", "seed"), [(64, 0), (96, 7), (160, 0)])
def test_a_vgg_answers_at_every_tap_and_size(tap: str, side: int, seed: int, tmp_path: Path) -> None:
    base = describe("tiny-vgg", options={"seed": str(seed)})
    base = replace(base, preprocess=Preprocess((side, side)))
    network, layers = random_vgg(TINY, seed), one_layer(256)
    path = write_trained(tmp_path / "net", base, tap, layers)

    check_answers(path, lambda pictures: network(pictures, [tap])[tap], layers, noise(2, side))


def test_a_vgg_of_several_convolutions_between_two_poolings_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As VGG16 has them, which would take half a gigabyte here."""
    layout = VggLayout(blocks=((8, 8), (16,), (32, 24, 32), (64,), (64, 64)), pooled=2, hidden=256, classes=10)
    monkeypatch.setattr(vgg_network, "TINY", layout)
    network, layers = random_vgg(layout, 0), one_layer(256)
    path = write_trained(tmp_path / "net", describe("tiny-vgg"), "pool5", layers)

    check_answers(path, lambda pictures: network(pictures, ["pool5"])["pool5"], layers, noise(2, 64))


def test_a_tuned_vgg_answers_with_its_own_weights_and_their_biases(tmp_path: Path) -> None:
    network, layers = random_vgg(TINY, 3).requires_grad_(requires_grad=False), one_layer(256)
    generator = torch.Generator().manual_seed(0)
    for values in network.parameters():
        values.add_(0.02 * torch.randn(values.shape, generator=generator))
    path = write_trained(tmp_path / "net", describe("tiny-vgg"), "fc7", layers, tuned=network)

    check_answers(path, lambda pictures: network(pictures, ["fc7"])["fc7"], layers, noise(2, 64))


@pytest.mark.parametrize("side", [64, 96])
def test_shallow_paths_stand_behind_the_vector_at_length_1(side: int, tmp_path: Path) -> None:
    base = describe("tiny-vgg")
    base = replace(base, preprocess=Preprocess((side, side)), options={**base.options, SHALLOW: DIM})
    network, layers = with_paths(random_vgg(TINY, 0), seed=2).requires_grad_(requires_grad=False), one_layer(256 + DIM)
    for path in network.paths:
        path.bias.uniform_(-0.5, 0.5)
    spec_path = write_trained(tmp_path / "net", base, "fc6", layers, tuned=network)

    check_answers(spec_path, lambda pictures: network(pictures, ["fc6"])["fc6"], layers, noise(2, side))


def changed_efficientnet() -> EfficientNet:
    """The published network with all of its weights and statistics a little off; drawn ones would blow up rounding."""
    network = EfficientNet(LITE0).eval().requires_grad_(requires_grad=False)
    rng = np.random.default_rng(4)
    network.load_state_dict(
        {
            name: values * torch.from_numpy(rng.uniform(0.97, 1.03, values.shape)).float()
            for name, values in read_state(package_file()).items()
        }
    )
    return network


@pytest.mark.parametrize(("tap", "side"), [("embedding", 50), ("logits", 32)])
def test_an_efficientnet_answers_on_odd_maps_too(tap: str, side: int, tmp_path: Path) -> None:
    base = replace(describe("efficientnet-lite0"), preprocess=Preprocess((side, side)))
    network, layers = changed_efficientnet(), one_layer(1280 if tap == "embedding" else 1000)
    path = write_trained(tmp_path / "net", base, tap, layers, tuned=network)

    check_answers(path, lambda pictures: network(pictures, [tap])[tap], layers, noise(2, side))


def test_the_last_map_of_an_efficientnet_is_flattened(tmp_path: Path) -> None:
    base = replace(describe("efficientnet-lite0"), preprocess=Preprocess((48, 48)))
    network, layers = changed_efficientnet(), one_layer(1280 * 4)
    path = write_trained(tmp_path / "net", base, "features", layers, tuned=network)

    check_answers(path, lambda pictures: network(pictures, ["features"])["features"], layers, noise(2, 48))


@pytest.mark.parametrize("is_own", [False, True])
def test_an_untuned_network_answers_with_the_weights_of_its_file(is_own: bool, tmp_path: Path) -> None:
    """The published file, or one that lies beside the checkpoint."""
    file = package_file()
    if is_own:
        file = tmp_path / "mine.pth"
        torch.save(changed_efficientnet().state_dict(), file)
    base = describe(f"efficientnet-lite0:{file}" if is_own else "efficientnet-lite0")
    base = replace(base, preprocess=Preprocess((32, 32)))
    network, layers = network_with_weights(base, file), one_layer(1280)
    path = write_trained(tmp_path / "net", base, "embedding", layers)
    if is_own:
        shutil.copyfile(file, path.parent / "base.pth")

    check_answers(path, lambda pictures: network(pictures, ["embedding"])["embedding"], layers, noise(1, 32))


def with_base_file(tmp_path: Path, file: Path, layers: nn.Sequential, tap: str, **options: str) -> Path:
    base = describe(f"onnx:{file}", options={"tap": tap, **options})
    path = write_trained(tmp_path / "net", base, base.taps[0].name, layers)
    shutil.copyfile(file, path.parent / "base.onnx")
    return path


def opset_of(model: onnx.ModelProto) -> dict[str, int]:
    return {entry.domain: entry.version for entry in model.opset_import}


@pytest.mark.parametrize("tap", ["embedding", "logits"])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
def test_an_onnx_network_answers_with_the_head_behind_it(tap: str, kind: int, tmp_path: Path) -> None:
    matrix = torch.from_numpy(write_network(tmp_path / "net.onnx", dtype=kind))
    layers = one_layer(5)
    path = with_base_file(tmp_path, tmp_path / "net.onnx", layers, tap)
    pictures = noise(3, 8).astype(helper.tensor_dtype_to_np_dtype(kind))

    export_onnx(path, tmp_path / "out.onnx")

    (found,) = answers_of(tmp_path / "out.onnx", pictures).values()
    below = torch.from_numpy(pictures.astype(np.float32)).mean(dim=(2, 3)) @ matrix
    expected = layers(below if tap == "embedding" else below.softmax(dim=1)).detach().numpy()
    assert found == pytest.approx(expected, abs=1e-5 if kind == TensorProto.FLOAT else 5e-3)
    assert found.dtype == np.float32


def test_a_map_of_an_onnx_network_is_flattened(tmp_path: Path) -> None:
    write_network(tmp_path / "net.onnx")
    layers = one_layer(3 * 64)
    path = with_base_file(tmp_path, tmp_path / "net.onnx", layers, "map")

    model = check_answers(path, lambda pictures: pictures.flatten(1), layers, noise(3, 8))

    assert opset_of(model)[""] == 18


def mean_colours(output: str, *, opset: int = 17, **changes: Any) -> onnx.ModelProto:
    """A network that gives the mean colour [n, 3] under this name."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Mul", ["flat", "scale"], ["scaled"]),
        helper.make_node("Identity", ["scaled"], [output]),
    ]
    graph = helper.make_graph(
        changes.get("nodes", nodes),
        "mean-colours",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, changes.get("shape", ["batch", 3]))],
        changes.get("constants", [numpy_helper.from_array(np.array([1, 2, 3], np.float32), "scale")]),
    )
    opsets = [helper.make_opsetid("", opset), *changes.get("opsets", ())]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def scaled_means(pictures: Tensor) -> Tensor:
    return pictures.mean(dim=(2, 3)) * torch.tensor([1.0, 2.0, 3.0])


@pytest.mark.parametrize(("opset", "written"), [(9, 13), (12, 13), (13, 13), (17, 17)])
def test_an_older_network_is_lifted_to_the_operators_of_the_head(opset: int, written: int, tmp_path: Path) -> None:
    """An extension that the file names besides has a version of its own, which says nothing about the operators."""
    extension = helper.make_opsetid("ai.onnx.ml", 1)
    onnx.save(mean_colours("vectors-below", opset=opset, opsets=[extension]), tmp_path / "net.onnx")
    layers = one_layer(3)
    path = with_base_file(tmp_path, tmp_path / "net.onnx", layers, "vectors-below")

    model = check_answers(path, scaled_means, layers, noise(2, 8))

    assert opset_of(model)[""] == written


def test_a_network_written_here_can_be_read_by_runtimes_of_years_ago(tmp_path: Path) -> None:
    path = write_trained(tmp_path / "net", describe("tiny-vgg"), "fc6", one_layer(256))
    export_onnx(path, tmp_path / "out.onnx")
    model = onnx.load(str(tmp_path / "out.onnx"))
    assert (opset_of(model), model.ir_version) == ({"": 13}, 8)


def check_named(tmp_path: Path, name: str, below: str, under: Under) -> None:
    """An encoder over `net.onnx` with a tap of this name."""
    base = describe(f"onnx:{tmp_path / 'net.onnx'}")
    layers, taps = one_layer(3), ((name, 1),)
    path = write_trained(tmp_path / "trained", base, below, layers, taps)
    shutil.copyfile(tmp_path / "net.onnx", path.parent / "base.onnx")
    check_answers(path, under, layers, noise(2, 8), taps)


@pytest.mark.parametrize("name", ["scale", "scaled", "pixels", "vectors"])
def test_a_tap_may_be_called_as_a_tensor_of_the_base_is(name: str, tmp_path: Path) -> None:
    onnx.save(mean_colours("vectors"), tmp_path / "net.onnx")
    check_named(tmp_path, name, "vectors", scaled_means)


def test_a_tap_may_be_called_as_a_tensor_that_a_branch_of_the_base_reads(tmp_path: Path) -> None:
    def branch(sign: float) -> onnx.GraphProto:
        return helper.make_graph(
            [helper.make_node("Mul", ["means", "sign"], ["vectors"])],
            "branch",
            [],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.array(sign, np.float32), "sign")],
        )

    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["means"]),
        helper.make_node("If", ["always"], ["chosen"], then_branch=branch(-1), else_branch=branch(5)),
        helper.make_node("Flatten", ["chosen"], ["below"]),
    ]
    constants = [numpy_helper.from_array(np.array(True), "always")]
    onnx.save(mean_colours("below", nodes=nodes, constants=constants), tmp_path / "net.onnx")
    check_named(tmp_path, "means", "below", lambda pictures: -pictures.mean(dim=(2, 3)))


def test_an_output_whose_name_fits_no_folder_is_found_under_it(tmp_path: Path) -> None:
    onnx.save(mean_colours("/head/Flatten_output:0"), tmp_path / "net.onnx")
    layers = one_layer(3)
    path = with_base_file(tmp_path, tmp_path / "net.onnx", layers, "/head/Flatten_output:0")

    check_answers(path, scaled_means, layers, noise(2, 8))


def reshaped(*shape: int) -> onnx.ModelProto:
    nodes = [helper.make_node("Reshape", ["pixels", "shape"], ["states"])]
    constants = [numpy_helper.from_array(np.array([-1, *shape]), "shape")]
    return mean_colours("states", nodes=nodes, constants=constants, shape=["batch", *shape])


@pytest.mark.parametrize("shape", [(16, 12), (12, 4, 4), (12, 1, 16), (12, 16, 1)])
def test_pooled_tokens_and_places_are_refused_in_words(shape: tuple[int, ...], tmp_path: Path) -> None:
    onnx.save(reshaped(*shape), tmp_path / "net.onnx")
    path = with_base_file(tmp_path, tmp_path / "net.onnx", one_layer(12), "states", pool="mean")

    with pytest.raises(TrainingError, match=r"Pooled tokens or places have no ONNX form here; take .* along"):
        export_onnx(path, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize(("shape", "pool"), [((192,), "mean"), ((192, 1, 1), "mean"), ((16, 12), "")])
def test_vectors_as_they_are_need_no_pooling(shape: tuple[int, ...], pool: str, tmp_path: Path) -> None:
    onnx.save(reshaped(*shape), tmp_path / "net.onnx")
    layers = one_layer(192)
    path = with_base_file(tmp_path, tmp_path / "net.onnx", layers, "states", **({"pool": pool} if pool else {}))

    check_answers(path, lambda pictures: pictures.flatten(1), layers, noise(2, 8))


def test_a_network_of_another_family_is_refused_in_words(tmp_path: Path) -> None:
    base = replace(describe("tiny-vgg"), family="colour-histogram")
    path = write_trained(tmp_path / "net", base, "fc6", one_layer(256))

    with pytest.raises(TrainingError, match="A colour-histogram network has no ONNX form here; take"):
        export_onnx(path, tmp_path / "out.onnx")
