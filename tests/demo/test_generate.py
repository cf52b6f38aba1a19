"""The demo catalogue on disk: whole or not there, the same for ever, never drawn twice."""

import csv
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from evalapp import demo
from evalapp.demo.generate import _clear_leftovers

REPOSITORY = Path(__file__).parents[2]
PRODUCTS = 16


def fingerprint(folder: Path) -> dict[str, str]:
    """SHA-256 by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(catalogue: demo.DemoCatalogue) -> list[dict[str, str]]:
    with catalogue.table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def heard() -> list[tuple[int, int]]:
    """What the drawing of `catalogue` said of its progress."""
    return []


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, heard: list[tuple[int, int]]) -> demo.DemoCatalogue:
    """A small catalogue, drawn into a folder that was there already, but empty."""
    return demo.generate(
        tmp_path_factory.mktemp("shop"),
        products=PRODUCTS,
        processes=1,
        on_progress=lambda done, total: heard.append((done, total)),
    )


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_processes(
    catalogue: demo.DemoCatalogue, tmp_path: Path
) -> None:
    again = demo.generate(tmp_path / "again", seed=7, products=PRODUCTS, processes=2)
    assert fingerprint(again.folder) == fingerprint(catalogue.folder)


def test_every_product_has_one_shop_picture_and_street_pictures(catalogue: demo.DemoCatalogue) -> None:
    rows = rows_of(catalogue)
    shop = Counter(row["product"] for row in rows if row["domain"] == "shop")
    street = Counter(row["product"] for row in rows if row["domain"] == "street")
    assert set(shop) == set(street)
    assert len(shop) == catalogue.products == PRODUCTS
    assert set(shop.values()) == {1}
    assert sum(shop.values()) + sum(street.values()) == len(rows) == catalogue.pictures


def test_the_table_says_of_every_picture_what_the_garment_is(catalogue: demo.DemoCatalogue) -> None:
    garments = {garment.product: garment for garment in demo.garments(7, PRODUCTS)}
    for row in rows_of(catalogue):
        garment = garments[row["product"]]
        assert {name: row[name] for name in garment.labels()} == garment.labels()
        assert (row["category"], row["split"]) == (garment.category, garment.split)


def test_the_table_lists_the_files_that_exist_and_boxes_inside_them(catalogue: demo.DemoCatalogue) -> None:
    rows = rows_of(catalogue)
    assert {row["path"] for row in rows} == {name for name in fingerprint(catalogue.folder) if name.endswith(".jpg")}
    for row in rows:
        with Image.open(catalogue.folder / row["path"]) as image:
            assert image.format == "JPEG"
            assert max(image.size) == 480
            x1, y1, x2, y2 = (int(row[name]) for name in ("x1", "y1", "x2", "y2"))
            assert 0 <= x1 < x2 <= image.width
            assert 0 <= y1 < y2 <= image.height


def test_names_of_files_tell_nothing(catalogue: demo.DemoCatalogue) -> None:
    for row in rows_of(catalogue):
        assert row["path"] == f"pictures/{row['key']}.jpg"
        assert len(row["key"]) == 12
        assert row["product"] not in row["path"]


def test_a_picture_weighs_about_25_kilobytes(catalogue: demo.DemoCatalogue) -> None:
    sizes = [path.stat().st_size for path in catalogue.folder.rglob("*.jpg")]
    assert 8_000 < sum(sizes) / len(sizes) < 45_000


def test_a_complete_catalogue_is_not_drawn_again(catalogue: demo.DemoCatalogue) -> None:
    before = {path: path.stat().st_mtime_ns for path in catalogue.folder.rglob("*")}
    said: list[int] = []
    found = demo.generate(catalogue.folder, seed=7, products=PRODUCTS, on_progress=lambda done, _: said.append(done))
    assert not found.drawn
    assert said == []
    assert (found.pictures, found.table) == (catalogue.pictures, catalogue.table)
    assert {path: path.stat().st_mtime_ns for path in catalogue.folder.rglob("*")} == before


def test_another_seed_in_the_same_folder_replaces_the_catalogue(catalogue: demo.DemoCatalogue, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(catalogue.folder, folder)
    other = demo.generate(folder, seed=8, products=PRODUCTS, processes=1)
    assert other.drawn
    assert not {row["key"] for row in rows_of(other)} & {row["key"] for row in rows_of(catalogue)}
    assert not set(fingerprint(folder).values()) & set(fingerprint(catalogue.folder).values())
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_progress_rises_to_the_number_of_pictures(catalogue: demo.DemoCatalogue, heard: list[tuple[int, int]]) -> None:
    assert [done for done, _ in heard] == sorted({done for done, _ in heard})
    assert heard[-1] == (catalogue.pictures, catalogue.pictures)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"Alice at the beach")
    with pytest.raises(FileExistsError, match="choose another folder"):
        demo.generate(tmp_path, products=15)
    assert fingerprint(tmp_path).keys() == {"holiday.jpg"}


def test_an_error_half_way_leaves_nothing(tmp_path: Path) -> None:
    def pull_the_plug(done: int, total: int) -> None:
        if done > total / 2:
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        demo.generate(tmp_path / "demo", products=15, processes=1, on_progress=pull_the_plug)
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_half_way_leaves_no_half_catalogue_and_the_next_run_clears_up(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from evalapp import demo
def kill(done, total):
    if done > total / 2:
        os.kill(os.getpid(), signal.SIGKILL)
demo.generate(Path({str(tmp_path / "demo")!r}), products=15, processes=1, on_progress=kill)
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "demo").exists()
    assert len(list(tmp_path.iterdir())) == 1
    assert demo.generate(tmp_path / "demo", products=15, processes=1).drawn
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_run_that_still_draws_is_not_swept_away(tmp_path: Path) -> None:
    busy = tmp_path / f".demo.drawing-{os.getpid()}-x"
    busy.mkdir()
    _clear_leftovers(tmp_path / "demo")
    assert busy.is_dir()


def test_the_demo_draws_without_django_and_torch() -> None:
    script = "import sys, evalapp.demo as d; d.garments(7, 15); print({'django', 'torch'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
