"""Pictures come in by page and over HTTP as they do by command: a zip or a path, a worker, a report."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.catalog.models import Catalogue, CatalogueImport, Item
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.core.services.uploads import forget_uploads
from tests import cast
from tests.catalog.drawing import folder, numbered

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture(autouse=True)
def _own_uploads(settings: LazySettings, tmp_path: Path) -> None:
    settings.UPLOADS_DIR = tmp_path / "uploads"


def pictures(count: int = 6) -> dict[str, bytes]:
    return {f"shop/{'hat' if number % 2 else 'dress'}/{number:03d}.png": numbered(number) for number in range(count)}


def sent(files: dict[str, bytes], name: str = "shop.zip") -> SimpleUploadedFile:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return SimpleUploadedFile(name, data.getvalue(), "application/zip")


def worked() -> CatalogueImport:
    """The newest import after a worker was at it."""
    found = CatalogueImport.objects.latest("pk")
    assert found.job_id is not None
    while work_on(found.job_id):
        pass
    found.refresh_from_db()
    return found


def test_a_zip_becomes_a_catalogue_whose_page_shows_work_and_report(admin_client: Client, tmp_path: Path) -> None:
    files = {**pictures(150), "shop/hat/broken.png": b"no picture", "shop/readme.md": b"#"}
    answer = admin_client.post("/lab/catalogue-new/", {"name": "Été à la mer", "file": sent(files)})
    assert (answer.status_code, answer["Location"]) == (302, "/lab/catalogues/ete-a-la-mer/")
    assert "data-busy" in admin_client.get("/lab/catalogues/ete-a-la-mer/").content.decode()
    done = worked()
    assert done.job is not None
    assert (done.job.state, done.count("new"), done.count("left_out")) == ("done with errors", 150, 1)
    assert sorted(set(Item.objects.values_list("category", flat=True))) == ["dress", "hat"]
    page = admin_client.get("/lab/catalogues/ete-a-la-mer/").content.decode()
    assert "data-busy" not in page
    assert "broken.png" in page
    assert "Make a study of them" in page
    assert list((tmp_path / "uploads").iterdir()) == []


def test_the_same_zip_again_changes_nothing_and_another_label_does(admin_client: Client) -> None:
    Catalogue.objects.create(slug="shop")
    for files in (pictures(), pictures()):
        admin_client.post("/lab/catalogues/shop/import/", {"file": sent(files)})
        done = worked()
    assert (done.count("new"), done.count("unchanged")) == (0, 6)


def test_a_table_in_the_zip_brings_the_labels(admin_client: Client) -> None:
    files = {"set/list.csv": b"image,category,product,colour\n1.png,dress,p1,red\n", "set/1.png": numbered(1)}
    admin_client.post("/lab/catalogue-new/", {"name": "set", "file": sent(files)})
    worked()
    item = Item.objects.get()
    assert (item.category, item.product, item.attributes) == ("dress", "p1", {"colour": "red"})


def test_over_http_with_a_token_and_its_report(client: Client) -> None:
    from rest_framework.authtoken.models import Token

    olga = get_user_model().objects.create_user("olga", is_staff=True)
    told = {"HTTP_AUTHORIZATION": f"Token {Token.objects.create(user=olga).key}"}
    made = client.post("/api/v1/catalogues/", {"name": "Shop"}, content_type="application/json", **told)
    assert (made.status_code, made.json()["slug"]) == (201, "shop")
    begun = client.post("/api/v1/catalogues/shop/imports/", {"file": sent(pictures())}, **told)
    assert begun.status_code == 202, begun.content
    worked()
    report = client.get(f"/api/v1/imports/{begun.json()['id']}/", **told).json()
    assert (report["new"], report["job"]["state"], report["report"]["codes"]) == (6, "done", {})


def test_a_path_below_the_root_and_nothing_beside_it(
    admin_client: Client, settings: LazySettings, tmp_path: Path
) -> None:
    folder(tmp_path / "data" / "shop", {"hat/1.png": numbered(1), "hat/2.png": numbered(2)})
    folder(tmp_path / "secret", {"hat/1.png": numbered(3)})
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    words = {"name": "shop", "path": "shop"}
    assert admin_client.post("/lab/catalogue-new/", words).status_code == 400
    settings.IMPORT_ROOT = str(tmp_path / "data")
    for path in ("../secret", "link", str(tmp_path / "secret"), "nothing", "a\x00b"):
        assert admin_client.post("/lab/catalogue-new/", {**words, "path": path}).status_code == 400
    assert not Catalogue.objects.exists()
    admin_client.post("/lab/catalogue-new/", words)
    assert worked().count("new") == 2


def test_what_is_no_zip_is_refused_at_once_and_the_name_stays_free(admin_client: Client, tmp_path: Path) -> None:
    for file in (SimpleUploadedFile("a.zip", b"nothing"), SimpleUploadedFile("a.zip", b""), None):
        answer = admin_client.post("/lab/catalogue-new/", {"name": "shop", **({"file": file} if file else {})})
        assert answer.status_code == 400
        assert "notice--bad" in answer.content.decode() or "form__error" in answer.content.decode()
    assert not Catalogue.objects.exists()
    assert not list((tmp_path / "uploads").glob("*"))


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(admin_client: Client, settings: LazySettings) -> None:
    settings.UPLOAD_MB = 1
    big = {f"{number}.png": bytes(1024 * 1024) for number in range(3)}
    answer = admin_client.post("/lab/catalogue-new/", {"name": "shop", "file": sent(big)})
    assert answer.status_code == 413


def test_strangers_send_nothing(client: Client) -> None:
    for address in ("/lab/catalogue-new/", "/lab/catalogues/shop/import/", "/lab/catalogues/shop/change/"):
        assert client.post(address, {"name": "shop", "file": sent(pictures())}).status_code == 302
    assert client.post("/api/v1/catalogues/", {"name": "x"}, content_type="application/json").status_code in {401, 403}
    assert not Catalogue.objects.exists()


def test_a_worker_that_dies_between_unpacking_and_rows_costs_nothing(admin_client: Client) -> None:
    admin_client.post("/lab/catalogue-new/", {"name": "shop", "file": sent(pictures(200))})
    found = CatalogueImport.objects.latest("pk")
    assert found.job_id is not None
    work_on(found.job_id)
    work_on(found.job_id)
    # The block that was done is done again by another worker.
    found.job.chunks.filter(stage="import").update(state="pending")  # type: ignore[union-attr]
    assert worked().count("new") + worked().count("unchanged") == 200
    assert Item.objects.count() == 200


def test_what_nobody_took_up_is_forgotten(tmp_path: Path) -> None:
    from datetime import timedelta

    (tmp_path / "uploads" / "old.unpacked").mkdir(parents=True)
    (tmp_path / "uploads" / "old").write_bytes(b"x")
    assert forget_uploads() == 0
    assert forget_uploads(timedelta(seconds=-10)) == 2


def test_a_catalogue_is_renamed_put_away_and_deleted_by_all_doors(admin_client: Client) -> None:
    shop = cast.wardrobe("shop")
    admin_client.post("/lab/catalogues/shop/change/", {"name": "The shop"})
    admin_client.patch("/api/v1/catalogues/shop/", {"archived": True}, content_type="application/json")
    shop.refresh_from_db()
    assert (shop.name, shop.archived_at is not None) == ("The shop", True)
    assert "The shop" not in admin_client.get("/lab/catalogues/").content.decode()
    assert "The shop" in admin_client.get("/lab/catalogues/?archived").content.decode()
    page = admin_client.get("/lab/catalogues/shop/").content.decode()
    assert "16 items" in " ".join(page.split())
    call_command("change_catalogue", "shop", "--delete")
    assert not Catalogue.objects.exists()


def test_a_catalogue_that_a_study_needs_stays(admin_client: Client) -> None:
    study = cast.ready_study()
    slug = study.catalogue.slug
    assert "1 studies" in " ".join(admin_client.get(f"/lab/catalogues/{slug}/").content.decode().split())
    admin_client.post(f"/lab/catalogues/{slug}/change/", {"delete": ""})
    assert admin_client.delete(f"/api/v1/catalogues/{slug}/").status_code == 409
    with pytest.raises(CommandError, match="Archive it instead"):
        call_command("change_catalogue", slug, "--delete")
    assert Catalogue.objects.filter(slug=slug).exists()
