"""What is taken away is whole: it answers on another machine, as an encoder and as an ONNX file that was compared."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import nn

from models_registry.encoders.checkpoint import CARD, SPEC, TRAINED_ON, read_checkpoint, write_checkpoint
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.vgg.vgg_network import TINY, random_vgg
from models_registry.registry import describe, load
from models_registry.training.common import export_bundle
from models_registry.training.common.export_bundle import ONNX, PREPROCESSING, onnx_difference, take_away
from models_registry.training.common.heads import export_head
from models_registry.training.common.training_errors import TrainingError
from tests.models_registry.training.common.taken_away import SIDE, write_convolution, write_trained

WHOLE = {"base.onnx", "card.json", "encoder.onnx", "head.safetensors", "preprocessing.json", "spec.json", TRAINED_ON}


@pytest.fixture(autouse=True)
def _no_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_WEIGHTS_DIR", str(tmp_path / "weights"))


def trained(tmp_path: Path) -> Path:
    return write_trained(tmp_path / "trained", write_convolution(tmp_path / "net.onnx"), ["ab", "cd"])


def vectors_of(folder: Path, pictures: np.ndarray) -> np.ndarray:
    encoder = load(describe(f"checkpoint:{folder}"), device="cpu")
    assert isinstance(encoder, Encoder)
    return encoder.encode(pictures, ["vectors"])["vectors"]


def one_layer(dim: int) -> list[nn.Module]:
    torch.manual_seed(1)
    return [nn.Linear(dim, 3)]


def test_the_folder_holds_all_that_another_machine_needs(tmp_path: Path) -> None:
    path = trained(tmp_path)
    pictures = np.random.default_rng(0).standard_normal((3, 3, SIDE, SIDE)).astype(np.float32)
    expected = vectors_of(path.parent, pictures)
    spec = read_checkpoint(path)

    taken = take_away(path, tmp_path / "deep" / "down" / "taken")

    folder = Path(taken.folder)
    assert folder == tmp_path / "deep" / "down" / "taken"
    assert taken.files == tuple(sorted(WHOLE))
    assert {file.name for file in folder.iterdir()} == WHOLE
    for name in (SPEC, CARD, TRAINED_ON, "head.safetensors"):
        assert (folder / name).read_bytes() == (path.parent / name).read_bytes()
    rules = json.loads((folder / PREPROCESSING).read_text(encoding="utf-8"))
    assert rules == json.loads(json.dumps(asdict(spec.base.rules)))
    shutil.rmtree(path.parent)
    assert vectors_of(folder, pictures) == pytest.approx(expected, abs=1e-6)
    session = onnxruntime.InferenceSession(str(folder / ONNX), providers=["CPUExecutionProvider"])
    assert session.run(["vectors"], {"pixels": pictures})[0] == pytest.approx(expected, abs=1e-5)
    assert taken.onnx_difference is not None
    assert taken.onnx_difference < 1e-5
    assert taken.no_onnx == ""


def test_what_a_checkpoint_does_not_have_is_not_missed(tmp_path: Path) -> None:
    path = trained(tmp_path)
    for name in (CARD, TRAINED_ON):
        (path.parent / name).unlink()

    assert set(take_away(path, tmp_path / "taken").files) == WHOLE - {CARD, TRAINED_ON}


def test_an_empty_folder_is_filled_and_any_other_place_is_refused(tmp_path: Path) -> None:
    path = trained(tmp_path)
    (tmp_path / "empty").mkdir()
    assert set(take_away(path, tmp_path / "empty").files) == WHOLE

    (tmp_path / "a-file").write_text("mine")
    for place in (tmp_path / "empty", tmp_path / "a-file"):
        with pytest.raises(TrainingError, match="is there already and not an empty folder; choose another place"):
            take_away(path, place)
    assert (tmp_path / "a-file").read_text() == "mine"


def test_all_files_of_a_base_come_along_under_one_name_and_no_half_ones(tmp_path: Path) -> None:
    """A network kept by its hash, with the file in which it keeps weights, and a download that was given up."""
    path = trained(tmp_path)
    sha256 = read_checkpoint(path).base.weights_sha256
    (path.parent / f"{sha256}.onnx").rename(tmp_path / "network")
    (tmp_path / "weights").mkdir()
    shutil.copyfile(tmp_path / "network", tmp_path / "weights" / f"{sha256}.onnx")
    (tmp_path / "weights" / f"{sha256}.onnx.data").write_bytes(b"more")
    (tmp_path / "weights" / f"{sha256}.onnx.part").write_bytes(b"half")
    (tmp_path / "weights" / "other.onnx").write_bytes(b"other")

    taken = take_away(path, tmp_path / "taken")

    assert set(taken.files) == {*WHOLE, "base.onnx.data"}
    assert (tmp_path / "taken" / "base.onnx").read_bytes() == (tmp_path / "network").read_bytes()
    assert (tmp_path / "taken" / "base.onnx.data").read_bytes() == b"more"


def test_a_head_over_ready_vectors_comes_with_them_and_has_no_onnx_form(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.random.default_rng(0).random((4, 6), dtype=np.float32))
    (tmp_path / "v.keys.txt").write_text("a\nb\nc\nd\n")
    base = describe(f"vectors:{tmp_path / 'v.npy'}")
    head, tensors = export_head(one_layer(6), [("vectors", 1)])
    write_checkpoint(tmp_path / "trained", base=base, base_tap=base.taps[0].name, head=head, tensors=tensors)
    shutil.copyfile(tmp_path / "v.npy", tmp_path / "trained" / f"{base.weights_sha256}.npy")
    shutil.copyfile(tmp_path / "v.keys.txt", tmp_path / "trained" / f"{base.weights_sha256}.keys.txt")

    taken = take_away(tmp_path / "trained" / SPEC, tmp_path / "taken")

    assert set(taken.files) == {"base.npy", "base.keys.txt", CARD, TRAINED_ON, "head.safetensors", SPEC}
    assert taken.onnx_difference is None
    assert taken.no_onnx.startswith("A vectors network has no ONNX form here")
    with pytest.raises(TrainingError, match="Only an encoder of pictures has an ONNX form"):
        onnx_difference(tmp_path / "taken")


def test_a_tuned_network_brings_its_own_weights_and_no_base(tmp_path: Path) -> None:
    head, tensors = export_head(one_layer(256), [("vectors", 1)])
    weights = {name: values.detach().numpy() for name, values in random_vgg(TINY, 5).state_dict().items()}
    write_checkpoint(
        tmp_path / "trained", base=describe("tiny-vgg"), base_tap="fc6", head=head, tensors=tensors, backbone=weights
    )

    taken = take_away(tmp_path / "trained" / SPEC, tmp_path / "taken")

    assert set(taken.files) == (WHOLE - {"base.onnx"}) | {"backbone.safetensors"}
    assert taken.onnx_difference is not None


@pytest.mark.parametrize(
    ("batch", "channels_last", "kind"),
    [
        ("batch", True, TensorProto.FLOAT),
        ("batch", False, TensorProto.FLOAT16),
        (1, True, TensorProto.FLOAT16),
        (3, False, TensorProto.FLOAT),
        (4, True, TensorProto.UINT8),
        (6, False, TensorProto.UINT8),
    ],
)
def test_a_base_of_any_layout_numbers_and_batch_has_an_onnx_form(
    batch: int | str, channels_last: bool, kind: int, tmp_path: Path
) -> None:
    network = write_convolution(tmp_path / "net.onnx", batch=batch, kind=kind, channels_last=channels_last)

    taken = take_away(write_trained(tmp_path / "trained", network), tmp_path / "taken")

    assert taken.onnx_difference is not None, taken.no_onnx
    assert taken.onnx_difference < 1e-3


def test_an_onnx_file_that_answers_otherwise_is_not_kept(tmp_path: Path) -> None:
    """The mean over a picture and its mirror image is no part of the file."""
    base = describe("tiny-vgg", options={"flip": "yes"})
    head, tensors = export_head(one_layer(256), [("vectors", 1)])
    write_checkpoint(tmp_path / "trained", base=base, base_tap="fc6", head=head, tensors=tensors)

    taken = take_away(tmp_path / "trained" / SPEC, tmp_path / "taken")

    assert taken.onnx_difference is None
    assert taken.no_onnx.startswith("Its ONNX form gave other vectors (by 0")
    assert set(taken.files) == WHOLE - {"base.onnx", ONNX}


@pytest.mark.parametrize(
    ("difference", "kept"), [(0.0009, True), (0.001, True), (0.0011, False), (float("nan"), False)]
)
def test_vectors_may_differ_by_a_thousandth_of_their_length(
    difference: float, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_bundle, "onnx_difference", lambda _folder: difference)

    taken = take_away(trained(tmp_path), tmp_path / "taken")

    assert taken.onnx_difference == (difference if kept else None)
    assert (ONNX in taken.files) == kept


def test_a_vector_of_zeros_differs_from_none(tmp_path: Path) -> None:
    path = trained(tmp_path)
    spec = read_checkpoint(path)
    base = replace(spec.base, source=f"onnx:{tmp_path / 'net.onnx'}")
    layer = nn.Linear(6, 3)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    head, tensors = export_head([layer], [("vectors", 1)])
    write_checkpoint(path.parent, base=base, base_tap="features", head=head, tensors=tensors)

    assert take_away(path, tmp_path / "taken").onnx_difference == 0.0
