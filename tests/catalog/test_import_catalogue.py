"""`import_catalogue`: pictures and labels in; what cannot go in is reported, never fatal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from PIL import Image

from evalapp.catalog.models import Catalogue, Item, Picture
from tests.catalog.drawing import BLUE, GREEN, RED, bomb, folder, picture, turned

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def said(*words: object, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_catalogue", *map(str, words), stdout=out, **options)
    return out.getvalue()


def answered(*words: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(said(*words, "--json"))
    return document


def keys() -> list[str]:
    return list(Item.objects.order_by("key").values_list("key", flat=True))


def test_a_folder_of_classes_becomes_a_catalogue(tmp_path: Path) -> None:
    shop = folder(
        tmp_path / "shop", {"dress/a.png": picture(RED), "dress/b.png": picture(GREEN), "hat/c.png": picture(BLUE)}
    )
    text = said("shop", shop, "--name", "The shop")
    assert "3 new, 0 updated, 0 unchanged, 0 left out" in text
    assert Catalogue.objects.get().name == "The shop"
    assert sorted(Item.objects.values_list("key", "category")) == [
        ("dress/a.png", "dress"),
        ("dress/b.png", "dress"),
        ("hat/c.png", "hat"),
    ]
    stored = Item.objects.get(key="hat/c.png").picture
    assert (stored.width, stored.height, stored.size) == (24, 16, len(picture(BLUE)))


def test_a_csv_becomes_a_catalogue(tmp_path: Path) -> None:
    folder(tmp_path, {"img/a.png": picture(RED, (40, 30))})
    (tmp_path / "items.csv").write_text("image,label,x1,y1,x2,y2,colour\nimg/a.png,dress,1,2,99,20,red\n")
    said("shop", tmp_path / "items.csv", "--map", "path=image", "--map", "category=label")
    item = Item.objects.get()
    assert (item.key, item.path, item.category, item.box) == ("img/a.png", "img/a.png", "dress", (1, 2, 40, 20))
    assert item.attributes == {"colour": "red"}


def test_bytes_are_stored_once_as_they_came(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {"a.png": picture(RED), "b.png": picture(RED), "c.png": picture(BLUE)})
    said("shop", shop)
    said("other", shop)
    assert Item.objects.count() == 6
    assert Picture.objects.count() == 2
    for row in Picture.objects.all():
        with default_storage.open(row.file) as file:
            assert file.read() in {picture(RED), picture(BLUE)}
    assert len([path for path in Path(default_storage.path("originals")).rglob("*") if path.is_file()]) == 2


def test_an_import_run_again_doubles_nothing_and_leaves_the_version(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {"a.png": picture(RED), "b.png": picture(BLUE)})
    first = answered("shop", shop)
    again = answered("shop", shop)
    assert (again["new"], again["updated"], again["unchanged"]) == (0, 0, 2)
    assert again["version"] == first["version"]
    assert Item.objects.count() == 2


def test_an_import_run_again_updates_what_changed_and_raises_the_version(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {"a.png": picture(RED), "b.png": picture(BLUE)})
    first = answered("shop", shop)
    folder(shop, {"b.png": picture(GREEN), "c.png": picture(GREEN)})
    again = answered("shop", shop)
    assert (again["new"], again["updated"], again["unchanged"]) == (1, 1, 1)
    assert again["version"] > first["version"]
    assert Item.objects.get(key="a.png").version == first["version"]
    assert Item.objects.get(key="b.png", removed=False).version == again["version"]
    present = {item.key: item for item in Item.objects.filter(removed=False)}
    assert present["b.png"].picture == present["c.png"].picture


def test_originals_that_were_lost_are_put_back_by_the_same_import(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {"a.png": picture(RED)})
    said("shop", shop)
    stored = Picture.objects.get()
    Path(default_storage.path(stored.file)).write_bytes(b"")
    said("shop", shop)
    with default_storage.open(stored.file) as file:
        assert file.read() == picture(RED)


BAD = {
    "cut.jpg": (picture(kind="JPEG", size=(200, 200))[:400], "truncated"),
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"Dear Sir or Madam, this is not a picture.", "not-a-picture"),
    "bomb.png": (bomb(), "too-large"),
    "scan.jpg": (picture(kind="TIFF"), "unsupported"),
}


def test_every_bad_picture_is_reported_with_its_reason_and_the_rest_goes_in(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {name: data for name, (data, _) in BAD.items()} | {"good.png": picture()})
    found = answered("shop", shop)
    assert keys() == ["good.png"]
    assert found["left_out"] == len(BAD)
    assert {problem["path"]: problem["code"] for problem in found["problems"]} == {
        name: reason for name, (_, reason) in BAD.items()
    }


def test_every_bad_row_is_reported_with_its_reason_and_the_rest_goes_in(tmp_path: Path) -> None:
    folder(tmp_path, {"secret.png": picture(GREEN), "set/a.png": picture(RED), "set/b.png": picture(BLUE)})
    long = "x" * 501
    rows = [
        b"path,key,category",
        b"a.png,A,dress",
        b"b.png,A,dress",
        b"none.png,,dress",
        b"../secret.png,,dress",
        b"b.png," + long.encode() + b",dress",
        b"b.png,B," + "grün".encode("cp1252"),
        b"b.png,C\0,dress",
        b"b.png,D,dress,too,much",
        b",E,dress",
        b"b.png,F,dress",
    ]
    (tmp_path / "set" / "items.csv").write_bytes(b"\n".join(rows))
    found = answered("shop", tmp_path / "set" / "items.csv")
    assert keys() == ["A", "F"]
    assert [(problem["row"], problem["code"]) for problem in found["problems"]] == [
        (3, "duplicate-key"),
        (4, "missing-file"),
        (5, "outside-folder"),
        (6, "too-long"),
        (7, "not-utf-8"),
        (8, "bad-character"),
        (9, "too-many-cells"),
        (10, "no-path"),
    ]
    assert Item.objects.get(key="A").path == "a.png"


def test_a_bad_box_is_a_warning_and_the_whole_picture_goes_in(tmp_path: Path) -> None:
    folder(tmp_path, {"a.png": picture(RED), "b.png": picture(BLUE)})
    (tmp_path / "items.csv").write_text("path,x1,y1,x2,y2\na.png,900,900,950,950\nb.png,1,2,3,x\n")
    found = answered("shop", tmp_path / "items.csv")
    assert (found["new"], found["left_out"]) == (2, 0)
    assert [problem["code"] for problem in found["problems"]] == ["bad-box", "bad-box"]
    assert [item.box for item in Item.objects.all()] == [None, None]


def test_the_report_holds_every_problem_and_the_summary_counts_them_by_kind(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {f"{number}.jpg": b"" for number in range(5)} | {"good.png": picture()})
    text = said("shop", shop, "--report", tmp_path / "report.csv")
    assert "1 new, 0 updated, 0 unchanged, 5 left out" in text
    assert "5 empty" in text
    assert str(tmp_path / "report.csv") in text
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["path"], row["code"]) for row in rows] == [
        (str(number + 1), f"{number}.jpg", "empty") for number in range(5)
    ]
    assert all(row["message"] for row in rows)


def test_a_file_name_that_is_not_utf8_is_reported_readably(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {"a.png": picture()})
    (shop / b"gr\xfcn.png".decode("utf-8", "surrogateescape")).write_bytes(picture())
    [problem] = answered("shop", shop)["problems"]
    assert (problem["code"], problem["path"]) == ("not-utf-8", "gr\N{REPLACEMENT CHARACTER}n.png")


def test_nothing_imported_is_a_failure_and_leaves_no_catalogue(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {"a.jpg": b"", "b.jpg": b"text"})
    with pytest.raises(CommandError, match=r"Nothing could be imported .*1 empty, 1 not-a-picture") as failed:
        said("shop", shop)
    assert failed.value.returncode == 1
    assert not Catalogue.objects.exists()


def test_an_empty_folder_is_a_failure_that_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"holds no jpg, jpeg, jpe, jfif, png, .* pictures") as failed:
        said("shop", tmp_path)
    assert failed.value.returncode == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Shop!", "items.csv"], "cannot stand in an address"),
        (["shop", "nowhere"], "There is nothing at"),
        (["shop", "items.csv"], "add --map path=COLUMN. The file has the columns photo, label."),
        (["shop", "items.csv", "--map", "path"], "--map takes FIELD=COLUMN"),
        (["shop", "items.csv", "--map", "path=photo", "--map", "path=label"], "names the field 'path' twice"),
        (["shop", "items.csv", "--format", "folder"], "is not a folder"),
        (["shop", "notes.txt"], "say what it is with --format"),
        (["shop", "items.csv", "--map", "path=photo", "--report", "no/such/report.csv"], "cannot be written"),
    ],
)
def test_words_that_are_off_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    folder(tmp_path, {"items.csv": b"photo,label\na.png,dress\n", "notes.txt": b"path\n"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as failed:
        said(*words)
    assert told in str(failed.value)
    assert "\n" not in str(failed.value)
    assert failed.value.returncode == 2


MODES = [
    picture(kind="PNG", mode="P", colour=3),
    picture(kind="PNG", mode="L", colour=90),
    picture(kind="PNG", mode="1", colour=1),
    picture(kind="PNG", mode="LA", colour=(90, 128)),
    picture(kind="PNG", mode="RGBA", colour=(9, 8, 7, 100)),
    picture(kind="PNG", mode="I;16", colour=40_000),
    picture(kind="JPEG", mode="CMYK", colour=(9, 80, 7, 10)),
    picture(kind="JPEG", mode="L", colour=90),
    picture(kind="WEBP", mode="RGBA", colour=(9, 8, 7, 100)),
    picture(kind="WEBP"),
    picture(kind="BMP"),
    picture(kind="GIF", mode="P", colour=3),
    picture(kind="GIF", save_all=True, append_images=[Image.new("RGB", (24, 16), BLUE)]),
]


def test_pictures_of_every_mode_and_format_go_in(tmp_path: Path) -> None:
    endings = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "BMP": "bmp", "GIF": "gif"}
    files = {f"{number}.{endings[str(Image.open(io.BytesIO(data)).format)]}": data for number, data in enumerate(MODES)}
    found = answered("shop", folder(tmp_path / "shop", files))
    assert (found["new"], found["problems"]) == (len(MODES), [])
    assert set(Picture.objects.values_list("width", "height")) == {(24, 16)}


def test_a_picture_turned_by_its_camera_is_as_wide_as_it_is_displayed(tmp_path: Path) -> None:
    said("shop", folder(tmp_path / "shop", {"a.jpg": turned((40, 20), orientation=6)}))
    stored = Picture.objects.get()
    assert (stored.width, stored.height) == (20, 40)


def test_the_real_photos_go_in_whole(shared: Any) -> None:
    table = shared("data/clothing/items.csv")
    found = answered("clothing", table, "--map", "path=image")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (found["new"], found["problems"]) == (len(rows), [])
    stored = dict(Item.objects.values_list("key", "category"))
    assert stored == {row["image"]: row["category"] for row in rows}
