"""Networks come in by page and over HTTP as they do by command: a file or a name, tried on five pictures."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.contenders.models import EmbeddingModel, Registration
from evalapp.contenders.services.registration import register_model
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.studies.models import Study
from tests import cast
from tests.catalog.drawing import folder, numbered
from tests.models_registry.encoders.onnx_files import write_network

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture(autouse=True)
def _own_uploads(settings: LazySettings, tmp_path: Path) -> None:
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def shop(tmp_path: Path) -> None:
    files = {f"{'hat' if number % 2 else 'dress'}/{number:02d}.png": numbered(number * 900) for number in range(30)}
    call_command("import_catalogue", "shop", str(folder(tmp_path / "shop", files)), verbosity=0)


def worked() -> Registration:
    """The newest registration after a worker was at it."""
    found = Registration.objects.latest("pk")
    assert found.job_id is not None
    while work_on(found.job_id):
        pass
    return Registration.objects.select_related("model", "job").get(pk=found.pk)


def onnx(tmp_path: Path, name: str = "net.onnx") -> SimpleUploadedFile:
    write_network(tmp_path / name)
    return SimpleUploadedFile(name, (tmp_path / name).read_bytes())


def words_for(row: Registration) -> str:
    """The model of a registration as a contender."""
    assert row.model is not None
    taps = row.model.spec["taps"]
    return f"{row.model.name}:cosine" if len(taps) == 1 else f"{row.model.name}.{taps[0]['name']}:cosine"


def test_an_onnx_file_is_registered_tried_on_five_pictures_and_can_compete(
    admin_client: Client, shop: None, tmp_path: Path
) -> None:
    answer = admin_client.post("/lab/model-new/", {"name": "mine", "file": onnx(tmp_path)})
    assert answer.status_code == 302, answer.content.decode()
    page = admin_client.get(answer["Location"]).content.decode()
    assert "data-busy" in page
    done = worked()
    assert done.job is not None
    assert (done.job.state, done.job.error) == ("done", "")
    assert done.model is not None
    assert done.model.source == "onnx:net.onnx"
    page = admin_client.get("/lab/models/mine/").content.decode()
    assert page.count('class="tried__pair"') == 5 * len(done.model.spec["taps"])
    assert "Nobody said which scale it reads" in page
    assert not list((tmp_path / "uploads").iterdir())
    call_command("create_study", "match", catalogue="shop", contenders=[words_for(done)], verbosity=0)
    assert Study.objects.get().contenders.filter(embedding__model=done.model).exists()


def test_its_preprocessing_changes_before_first_use_and_never_after(
    admin_client: Client, shop: None, tmp_path: Path
) -> None:
    admin_client.post("/lab/model-new/", {"name": "mine", "file": onnx(tmp_path)})
    before = worked().model
    assert before is not None
    admin_client.post(
        "/lab/models/mine/change/", {"preprocess": "", "mean": "0.5", "std": "0.5", "resize": "letterbox"}
    )
    done = worked()
    assert done.model is not None
    assert done.model.pk == before.pk
    assert done.model.fingerprint != before.fingerprint
    assert (done.model.preprocess or {})["mean"] == [0.5, 0.5, 0.5]
    assert done.trial["warnings"] == []
    call_command("change_model", "mine", mean="0.4")
    call_command("create_study", "match", catalogue="shop", contenders=[words_for(done)], verbosity=0)
    with pytest.raises(CommandError, match="used already"):
        call_command("change_model", "mine", mean="0.1")
    answer = admin_client.post(
        "/api/v1/models/mine/preprocessing/", {"options": {"mean": "0.1"}}, content_type="application/json"
    )
    assert answer.status_code == 409


def test_vectors_with_their_keys_come_in_one_file_or_as_a_zip(admin_client: Client, shop: None) -> None:
    keys = [f"{'hat' if number % 2 else 'dress'}/{number:02d}.png" for number in range(30)]
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
    out = io.BytesIO()
    np.savez(out, keys=np.array(keys), vectors=rows)
    admin_client.post("/api/v1/models/", {"name": "npz", "file": SimpleUploadedFile("v.npz", out.getvalue())})
    assert worked().model is not None
    array, packed = io.BytesIO(), io.BytesIO()
    np.save(array, rows)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("set/v.npy", array.getvalue())
        archive.writestr("set/v.keys.txt", "\n".join(keys))
    admin_client.post("/api/v1/models/", {"name": "npy", "file": SimpleUploadedFile("v.zip", packed.getvalue())})
    done = worked()
    assert done.model is not None
    assert len(done.trial["taps"][0]["pairs"]) == 5


def test_one_that_comes_along_is_registered_by_name(admin_client: Client) -> None:
    begun = admin_client.post(
        "/api/v1/models/", {"name": "colours", "spec": "colour-histogram"}, content_type="application/json"
    )
    assert begun.status_code == 202
    worked()
    told = admin_client.get(f"/api/v1/registrations/{begun.json()['id']}/").json()
    assert (told["model"], told["job"]["state"]) == ("colours", "done")


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ({"name": "../x"}, b"x"),
        ({"name": "x"}, None),
        ({"name": "x", "source": "onnx:/etc/passwd"}, None),
        ({"name": "x", "source": "hf:/srv/networks/private"}, None),
        ({"name": "x", "source": "hf:../private"}, None),
        ({"name": "x", "source": "hf:evalapp/core"}, None),
        ({"name": "x", "source": "vectors:/etc/passwd"}, None),
        ({"name": "x", "source": "checkpoint:/tmp"}, None),
        ({"name": "x", "source": "timm:resnet18=/etc/passwd"}, None),
        ({"name": "x", "source": "no such"}, None),
        ({"name": "net"}, b"x"),
    ],
)
def test_what_cannot_be_a_model_is_refused_at_once(admin_client: Client, words: dict[str, str], file: bytes) -> None:
    cast.network("net")
    sent = {"file": SimpleUploadedFile("x.onnx", file)} if file else {}
    assert admin_client.post("/lab/model-new/", {**words, **sent}).status_code == 400
    assert not Registration.objects.exists()


def test_what_is_no_network_fails_in_words(admin_client: Client) -> None:
    admin_client.post("/lab/model-new/", {"name": "x", "file": SimpleUploadedFile("x.onnx", b"nothing at all")})
    done = worked()
    assert done.job is not None
    assert done.job.state in {"failed", "done with errors"}
    assert not EmbeddingModel.objects.exists()
    assert "x.onnx" in admin_client.get(f"/lab/registrations/{done.pk}/").content.decode()


def test_a_model_is_renamed_put_away_and_deleted(admin_client: Client) -> None:
    register_model(source="colour-histogram", name="colours", options={})
    admin_client.post("/lab/models/colours/change/", {"name": "hues", "rename": ""})
    admin_client.patch("/api/v1/models/hues/", json.dumps({"archived": True}), content_type="application/json")
    assert "hues" not in admin_client.get("/lab/models/").content.decode()
    assert "hues" in admin_client.get("/lab/models/?archived").content.decode()
    call_command("change_model", "hues", "--return")
    admin_client.post("/lab/models/hues/change/", {"delete": ""})
    assert not EmbeddingModel.objects.exists()


def test_a_model_that_competes_is_never_deleted(admin_client: Client) -> None:
    cast.ready_study()
    assert admin_client.delete("/api/v1/models/net/").status_code == 409
    with pytest.raises(CommandError, match="Archive it instead"):
        call_command("change_model", "net", "--delete")


def test_strangers_register_nothing(client: Client) -> None:
    assert client.post("/lab/model-new/", {"name": "x", "source": "colour-histogram"}).status_code == 302
    assert client.post("/api/v1/models/", {"name": "x", "spec": "colour-histogram"}).status_code in {401, 403}
    assert not Registration.objects.exists()


def test_a_map_is_drawn_over_http(admin_client: Client, shop: None) -> None:
    register_model(source="colour-histogram", name="colours", options={})
    words = {"catalogue": "shop", "embedding": "colours", "items": 20}
    begun = admin_client.post("/api/v1/maps/", words, content_type="application/json")
    assert begun.status_code == 202
    while work_on(begun.json()["job"]):
        pass
    assert len(admin_client.get(f"/api/v1/maps/{begun.json()['id']}/").json()["places"]) == 20
