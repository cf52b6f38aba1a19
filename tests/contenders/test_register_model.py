from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.pipeline.embeddings import warm_encoder
from evalapp.contenders.queries.registered_models import parse_contender, registered_models
from evalapp.contenders.services import registration
from evalapp.contenders.services.registration import register_model
from evalapp.core.domain.errors import Conflict, InvalidInput
from tests.models_registry.encoders.onnx_files import write_network

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def _vectors(folder: Path, name: str = "mine", value: float = 1.0) -> str:
    np.save(folder / f"{name}.npy", np.full((2, 3), value, dtype=np.float32))
    (folder / f"{name}.keys.txt").write_text("a\nb\n", encoding="utf-8")
    return f"vectors:{folder / name}.npy"


def test_a_model_keeps_its_taps_and_its_fingerprint() -> None:
    model, is_new = register_model(source="tiny-vgg", name="tiny", options={})
    assert is_new
    assert [tap["name"] for tap in model.spec["taps"]] == ["fc6", "fc7"]
    assert len(model.fingerprint) == 64


def test_registering_the_same_again_changes_nothing() -> None:
    first, _ = register_model(source="tiny-vgg", name="tiny", options={})
    second, is_new = register_model(source="tiny-vgg", name="tiny", options={})
    assert (second.pk, is_new) == (first.pk, False)


def test_a_name_never_comes_to_stand_for_another_encoder() -> None:
    register_model(source="tiny-vgg", name="tiny", options={})
    with pytest.raises(Conflict, match="taken by another encoder"):
        register_model(source="colour-histogram", name="tiny", options={})


@pytest.mark.parametrize("name", ["", "has space", "../up", ".hidden", "a" * 81, "a:b"])
def test_a_name_that_cannot_stand_in_a_contender_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="no name for a model"):
        register_model(source="tiny-vgg", name=name, options={})


@pytest.mark.parametrize("source", ["nonsense", "onnx:/nowhere/net.onnx", "vectors:/nowhere.npy"])
def test_a_source_that_does_not_exist_is_refused_in_one_line(source: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        register_model(source=source, name="x", options={})
    assert "\n" not in str(refusal.value)
    assert not EmbeddingModel.objects.exists()


def test_the_file_is_copied_so_that_the_model_survives_its_loss(tmp_path: Path, settings: LazySettings) -> None:
    model, _ = register_model(source=_vectors(tmp_path), name="mine", options={})
    (tmp_path / "mine.npy").unlink()
    (tmp_path / "mine.keys.txt").unlink()

    assert (Path(settings.WEIGHTS_DIR) / model.weights).exists()
    warm_encoder.cache_clear()
    found, missing = warm_encoder(model.pk).find_vectors(["b", "c"])  # type: ignore[union-attr]
    assert found.shape == (1, 3)
    assert missing == ["c"]


def test_vectors_named_in_capitals_bring_their_keys_along(tmp_path: Path, settings: LazySettings) -> None:
    _vectors(tmp_path)
    (tmp_path / "mine.npy").rename(tmp_path / "mine.NPY")
    model, _ = register_model(source=f"vectors:{tmp_path / 'mine.NPY'}", name="mine", options={})
    (tmp_path / "mine.keys.txt").unlink()
    found, missing = warm_encoder(model.pk).find_vectors(["b"])  # type: ignore[union-attr]
    assert (found.tolist(), missing) == ([[1.0, 1.0, 1.0]], [])


def test_a_network_with_its_weights_beside_it_is_kept_whole(tmp_path: Path) -> None:
    write_network(tmp_path / "whole.onnx")
    onnx.save(
        onnx.load(tmp_path / "whole.onnx"), tmp_path / "net.onnx", save_as_external_data=True, location="net.data",
        size_threshold=80,
    )  # fmt: skip
    model, _ = register_model(source=f"onnx:{tmp_path / 'net.onnx'}", name="net", options={})
    for file in tmp_path.glob("net.*"):
        file.unlink()
    encoder = warm_encoder(model.pk)
    assert encoder.encode(np.zeros((1, 3, 8, 8), dtype=np.float32), ["embedding"])["embedding"].shape == (1, 5)  # type: ignore[union-attr]


def test_two_processes_register_the_same_network_at_once(
    tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _vectors(tmp_path)
    copy = shutil.copyfile
    drafts: list[str] = []

    def copy_while_another_copies(file: Path, draft: str) -> None:
        drafts.append(str(draft))
        if len(drafts) == 1:
            register_model(source=source, name="first", options={})
        copy(file, draft)

    monkeypatch.setattr(registration.shutil, "copyfile", copy_while_another_copies)
    model, _ = register_model(source=source, name="second", options={})
    assert len(set(drafts)) == len(drafts) >= 2
    assert warm_encoder(model.pk).find_vectors(["a"])[1] == []  # type: ignore[union-attr]
    assert not list(Path(settings.WEIGHTS_DIR).glob("*.part"))


def test_a_changed_file_is_another_model(tmp_path: Path) -> None:
    first, _ = register_model(source=_vectors(tmp_path), name="mine", options={})
    changed = _vectors(tmp_path, value=2.0)
    with pytest.raises(Conflict):
        register_model(source=changed, name="mine", options={})
    second, _ = register_model(source=changed, name="mine-2", options={})
    assert second.fingerprint != first.fingerprint


def test_the_list_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("register_model", "tiny-vgg", name="tiny")
    capsys.readouterr()
    call_command("list_models", json=True)
    (model,) = json.loads(capsys.readouterr().out)
    assert model["name"] == "tiny"
    assert {tap["name"] for tap in model["taps"]} == {"fc6", "fc7"}
    assert registered_models()[0]["fingerprint"] == model["fingerprint"]


def test_the_command_fails_in_one_line_with_exit_code_2() -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("register_model", "tiny-vgg:x", name="tiny")
    assert refusal.value.returncode == 2


@pytest.fixture
def models() -> None:
    register_model(source="tiny-vgg", name="tiny", options={})
    register_model(source="tiny-vgg", name="tiny.v2", options={"seed": "3"})
    register_model(source="colour-histogram", name="colours", options={})


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("words", "name", "tap"),
    [
        ("tiny.fc6:l2", "tiny.fc6:l2", "fc6"),
        ("tiny.v2.fc7:hamming", "tiny.v2.fc7:hamming", "fc7"),
        ("colours:cosine", "colours:cosine", "embedding"),
        ("colours.embedding:cosine", "colours:cosine", "embedding"),
    ],
)
def test_the_words_of_a_contender_are_understood(words: str, name: str, tap: str) -> None:
    parsed = parse_contender(words)
    assert (parsed.name, parsed.tap) == (name, tap)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("tiny:l2", "leaves the tap open; tiny has fc6, fc7"),
        ("tiny.fc8:l2", "has no tap 'fc8'"),
        ("tiny.fc6", "write MODEL.TAP:METRIC"),
        ("tiny.fc6:euclid", "l1, l2, cosine, hamming"),
        ("vgg.fc6:l2", "known: colours, tiny, tiny.v2"),
    ],
)
def test_words_that_mean_nothing_say_what_is_known(words: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        parse_contender(words)
