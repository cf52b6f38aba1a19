"""Locators and maskers of one's own: tried, copied, listed; refused in one line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from evalapp.contenders.models import RegionNetwork, Registration
from evalapp.contenders.services.region_registration import register_region
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.pipeline.chunk_work import work_on
from tests.catalog.drawing import folder, numbered
from tests.models_registry.regions.toy_networks import detector, mask_net

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def said(command: str, *words: str, **options: Any) -> Any:
    out = io.StringIO()
    call_command(command, *words, stdout=out, json=True, **options)
    return json.loads(out.getvalue())


def test_a_detector_and_a_mask_network_go_in_by_command_and_are_listed_at_every_door(tmp_path: Path) -> None:
    found = said("register_locator", f"onnx:{detector(tmp_path / 'finds.onnx')}", name="things")
    assert (found["kind"], found["new"], found["spec"]["outputs"]) == ("locator", True, ["boxes", "scores"])
    masks = said("register_masker", f"onnx:{mask_net(tmp_path / 'masks.onnx')}", name="bright", mean="0", std="1")
    assert (masks["kind"], masks["spec"]["layout"]) == ("masker", "mask")

    olga = User.objects.create_user("olga", is_staff=True)
    client = APIClient()
    client.force_authenticate(olga)
    listed = client.get("/api/v1/regions/").json()
    assert [(one["kind"], one["name"], one["size"]) for one in listed] == [
        ("locator", "things", [8, 8]),
        ("masker", "bright", [8, 8]),
    ]
    assert [one["name"] for one in client.get("/api/v1/regions/?kind=masker").json()] == ["bright"]
    assert APIClient().get("/api/v1/regions/").status_code in (401, 403)

    browser = Client()
    browser.force_login(olga)
    page = browser.get("/lab/models/").content.decode()
    assert "things" in page
    assert "bright" in page


def test_what_was_registered_stays_what_it_is_when_its_file_goes(tmp_path: Path, settings: LazySettings) -> None:
    file = mask_net(tmp_path / "masks.onnx")
    row, _ = register_region("masker", source=f"onnx:{file}", name="bright", options={})
    file.unlink()
    assert (Path(settings.WEIGHTS_DIR) / row.weights).is_file()


def test_the_same_may_come_again_and_another_needs_another_name(tmp_path: Path) -> None:
    file = mask_net(tmp_path / "masks.onnx")
    first, is_new = register_region("masker", source=f"onnx:{file}", name="bright", options={})
    again, is_known = register_region("masker", source=f"onnx:{file}", name="bright", options={})
    assert (first.pk, is_new, is_known) == (again.pk, True, False)
    with pytest.raises(Conflict, match="taken by another masker"):
        register_region("masker", source=f"onnx:{file}", name="bright", options={"least-score": "0.7"})
    # A locator of the same name is another thing.
    register_region("locator", source=f"onnx:{detector(tmp_path / 'finds.onnx')}", name="bright", options={})
    assert RegionNetwork.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("../x", "onnx:masks.onnx", "no name for a masker"),
        ("x", "grabcut", "written as onnx:FILE"),
        ("x", "onnx:", "written as onnx:FILE"),
        ("x", "onnx:nowhere.onnx", "There is no file"),
        ("x", "onnx:finds.onnx", "gives no mask"),
        ("x", "onnx:text.onnx", "not an ONNX network"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_one_line(tmp_path: Path, name: str, source: str, reason: str) -> None:
    detector(tmp_path / "finds.onnx")
    (tmp_path / "text.onnx").write_bytes(b"\x80\x04pickled")
    source = source.replace("onnx:", f"onnx:{tmp_path}/") if source.endswith(".onnx") else source
    with pytest.raises(InvalidInput, match=reason) as told:
        register_region("masker", source=source, name=name, options={})
    assert "\n" not in told.value.message
    with pytest.raises(CommandError, match=reason) as failed:
        call_command("register_masker", source, name=name)
    assert failed.value.returncode == 2
    assert RegionNetwork.objects.count() == 0


@pytest.fixture
def shop(tmp_path: Path, settings: LazySettings) -> None:
    settings.UPLOADS_DIR = tmp_path / "uploads"
    files = {f"hat/{number:02d}.png": numbered(number * 900) for number in range(8)}
    call_command("import_catalogue", "shop", str(folder(tmp_path / "shop", files)), verbosity=0)


def sent(file: Path) -> SimpleUploadedFile:
    return SimpleUploadedFile(file.name, file.read_bytes())


def worked() -> Registration:
    """The newest registration after a worker was at it."""
    found = Registration.objects.latest("pk")
    assert found.job_id is not None
    while work_on(found.job_id):
        pass
    return Registration.objects.select_related("region", "job").get(pk=found.pk)


@pytest.mark.django_db(transaction=True)
def test_a_detector_is_sent_to_the_page_tried_and_shown_on_five_pictures(
    admin_client: Client, shop: None, tmp_path: Path
) -> None:
    words = {"kind": "locator", "name": "things", "least_score": "0.5"}
    answer = admin_client.post("/lab/region-new/", {**words, "file": sent(detector(tmp_path / "finds.onnx"))})
    assert answer.status_code == 302, answer.content.decode()
    assert "data-busy" in admin_client.get(answer["Location"]).content.decode()
    row = worked()
    assert row.region is not None
    assert (row.region.kind, row.region.source, row.region.spec["least_score"]) == ("locator", "onnx:finds.onnx", 0.5)
    page = admin_client.get(answer["Location"]).content.decode()
    assert page.count('class="tried__regions ') == 5
    assert page.partition('class="tried"')[2].count("<rect") == 10
    assert not list((tmp_path / "uploads").iterdir())
    # Whoever looks at the list sees it there, and no longer on its way.
    listed = admin_client.get("/lab/models/").content.decode()
    assert "things" in listed
    assert "On their way" not in listed


@pytest.mark.django_db(transaction=True)
def test_a_mask_network_is_sent_over_http_and_says_how_much_it_keeps(
    admin_client: Client, shop: None, tmp_path: Path
) -> None:
    words = {"kind": "masker", "name": "bright", "mean": "0", "std": "1", "least_score": "0.5", "catalogue": "shop"}
    begun = admin_client.post("/api/v1/regions/", {**words, "file": sent(mask_net(tmp_path / "masks.onnx"))})
    assert begun.status_code == 202, begun.content.decode()
    worked()
    told = admin_client.get(f"/api/v1/registrations/{begun.json()['id']}/").json()
    assert (told["kind"], told["region"], told["job"]["state"]) == ("masker", "bright", "done")
    assert all(0 <= one["kept"] <= 1 for one in told["trial"]["regions"])
    assert (
        RegionNetwork.objects.get().fingerprint
        == register_region(
            "masker", source=f"onnx:{tmp_path / 'masks.onnx'}", name="bright", options={"mean": "0", "std": "1"}
        )[0].fingerprint
    )


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ({"kind": "locator", "name": "../x"}, "x.onnx"),
        ({"kind": "detector", "name": "x"}, "x.onnx"),
        ({"kind": "locator", "name": "x"}, "x.pt"),
        ({"kind": "locator", "name": "x"}, ""),
        ({"kind": "masker", "name": "taken"}, "x.onnx"),
    ],
)
def test_what_cannot_be_one_is_refused_before_a_worker_sees_it(
    admin_client: Client, tmp_path: Path, words: dict[str, str], name: str
) -> None:
    register_region("masker", source=f"onnx:{mask_net(tmp_path / 'm.onnx')}", name="taken", options={})
    for address in ("/lab/region-new/", "/api/v1/regions/"):
        file = {"file": SimpleUploadedFile(name, b"x")} if name else {}
        assert admin_client.post(address, {**words, **file}).status_code in {400, 409}
    assert not Registration.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_no_detector_fails_in_words(admin_client: Client, shop: None, tmp_path: Path) -> None:
    file = sent(mask_net(tmp_path / "masks.onnx"))
    answer = admin_client.post("/lab/region-new/", {"kind": "locator", "name": "x", "file": file})
    row = worked()
    assert row.job is not None
    assert row.job.state in {"failed", "done with errors"}
    assert row.region is None
    page = admin_client.get(answer["Location"]).content.decode()
    assert 'role="alert"' in page
    told = admin_client.get(f"/lab/jobs/{row.job_id}/").content.decode()
    assert "masks.onnx gives no boxes" in told
    assert str(tmp_path) not in page + told


def test_strangers_send_none(client: Client, tmp_path: Path) -> None:
    words = {"kind": "locator", "name": "x"}
    for address in ("/lab/region-new/", "/api/v1/regions/"):
        assert client.post(address, {**words, "file": sent(detector(tmp_path / "d.onnx"))}).status_code in {
            302,
            401,
            403,
        }
    assert not Registration.objects.exists()
