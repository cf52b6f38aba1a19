"""`checkpoint`: a trained encoder leaves, in every form, and comes back as itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from evalapp.contenders.models import EmbeddingModel
from models_registry.encoders.encoder_base import Encoder
from models_registry.registry import describe, load
from tests.models_registry.encoders.onnx_files import write_network
from tests.training.test_train import train

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def take(model: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    call_command("checkpoint", model, output=folder, json=True)
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


@pytest.mark.parametrize("words", [("triplet", "batches=1"), ("multi-level", "batches=1", "baseline=no")])
def test_the_onnx_file_and_the_folder_give_the_same_vectors(
    striped: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    run = train(words[0], *words[1:], "epochs=1")
    assert run.model is not None, run.job and run.job.error
    folder = tmp_path / "taken"
    told = take("learnt", folder, capsys)
    assert told["onnx_difference"] is not None, told
    assert {"spec.json", "head.safetensors", "card.json", "preprocessing.json", "encoder.onnx"} <= set(told["files"])  # type: ignore[call-overload]

    encoder = load(describe(f"checkpoint:{folder}"))
    assert isinstance(encoder, Encoder)
    batch = np.random.default_rng(5).standard_normal((3, 3, 64, 64), dtype=np.float32)
    (found,) = onnxruntime.InferenceSession(folder / "encoder.onnx").run(["embedding"], {"pixel_values": batch})
    assert np.allclose(found, encoder.encode(batch, ["embedding"])["embedding"], atol=1e-5)
    assert describe(f"checkpoint:{folder}").fingerprint == run.model.fingerprint


def test_it_comes_back_with_its_pictures_remembered(
    striped: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train("retrain", "hidden=8", "epochs=1")
    take("learnt", tmp_path / "taken", capsys)
    call_command("register_model", f"checkpoint:{tmp_path / 'taken'}", name="returned")
    returned = EmbeddingModel.objects.get(name="returned")
    assert run.model is not None
    assert returned.fingerprint == run.model.fingerprint
    assert sorted(returned.trained_on.pictures) == sorted(run.model.trained_on.pictures)


def test_an_onnx_base_travels_along_and_is_found_on_another_machine(
    striped: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: LazySettings
) -> None:
    net = tmp_path / "net.onnx"
    write_network(net)
    call_command("register_model", f"onnx:{net}", name="net", tap="embedding")
    train("retrain", "hidden=8", "epochs=1", base="net")
    told = take("learnt", tmp_path / "taken", capsys)
    assert told["onnx_difference"] is not None, told
    net.unlink()
    settings.WEIGHTS_DIR = tmp_path / "elsewhere"
    call_command("register_model", f"checkpoint:{tmp_path / 'taken'}", name="elsewhere")
    from evalapp.contenders.pipeline.embeddings import warm_encoder

    encoder = warm_encoder(EmbeddingModel.objects.get(name="elsewhere").pk)
    assert [tap.dim for tap in encoder.spec.taps] == [8]


def test_what_was_not_trained_cannot_be_taken(striped: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not trained here"):
        call_command("checkpoint", "tiny", output=tmp_path / "taken")


def test_a_folder_with_files_in_it_is_left_alone(striped: str, tmp_path: Path) -> None:
    train("retrain", "hidden=8", "epochs=1")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match="choose another place"):
        call_command("checkpoint", "learnt", output=tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]


def test_an_encoder_leaves_in_8_bit_numbers_with_its_loss_measured(
    striped: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train("triplet", "batches=1", "epochs=1")
    capsys.readouterr()
    call_command("checkpoint", "learnt", output=tmp_path / "taken", quantise=True, json=True)
    told = json.loads(capsys.readouterr().out)["quantised"]
    assert (tmp_path / "taken" / told["file"]).stat().st_size == told["bytes"] < 0.5 * told["exact_bytes"]
    assert 0 < told["moved"] < 0.2
    assert 0 <= told["same_first"] <= 1
    assert 0 <= told["category_match"] <= 1
    assert told["pictures"] >= 20
    # It comes back as a network of its own, whose loss a study can ask people about.
    call_command("register_model", f"onnx:{tmp_path / 'taken' / told['file']}", name="small", mean="0.5", std="0.5")
