"""Imports that are killed, that race, that are large."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evalapp.catalog.domain import seen_keys
from evalapp.catalog.domain.import_report import Report
from evalapp.catalog.domain.importers import open_source
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.models import Catalogue, Item, Picture
from evalapp.catalog.pipeline import Outcome, import_rows
from evalapp.catalog.pipeline import row_imports as pipeline
from tests.catalog.drawing import folder, numbered, picture

REPOSITORY = Path(__file__).resolve().parents[2]

_KILLED = """
import os, signal, sys
import django
from pathlib import Path
from django.conf import settings
settings.STORAGES["default"]["OPTIONS"]["location"] = sys.argv[2]
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from evalapp.catalog.pipeline import row_imports as pipeline
from evalapp.catalog.domain.importers import open_source
from evalapp.catalog.domain.import_report import Report
from evalapp.catalog.services import items

write, calls = items.write_items, []
def write_and_die(*words):
    calls.append(write(*words))
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return calls[-1]

items.write_items = write_and_die
pipeline._BATCH = 10
with Report() as report:
    pipeline.import_rows("shop", open_source(Path(sys.argv[3]), "folder", {}), report)
"""


def imported(slug: str, path: Path) -> tuple[Outcome, Report]:
    with Report() as report:
        return import_rows(slug, open_source(path, None, {}), report), report


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_an_import_killed_in_the_middle_leaves_whole_batches_and_is_completed_by_the_next(tmp_path: Path) -> None:
    shop = folder(tmp_path / "shop", {f"{number:02}.png": numbered(number) for number in range(45)})
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "DJANGO_SETTINGS_MODULE": "evalapp.config.settings"}
    words = [sys.executable, "-c", _KILLED, connection.settings_dict["NAME"], default_storage.path(""), shop]
    killed = subprocess.run([str(word) for word in words], env=environment, cwd=REPOSITORY, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert list(Item.objects.values_list("key", flat=True)) == [f"{number:02}.png" for number in range(20)]
    assert all(default_storage.size(row.file) == row.size for row in Picture.objects.all())
    assert Catalogue.objects.get().version == 2

    outcome, report = imported("shop", shop)
    assert (outcome.new, outcome.updated, outcome.unchanged, report.fault_count) == (25, 0, 20, 0)
    assert Item.objects.count() == Picture.objects.count() == 45
    assert all(default_storage.size(row.file) == row.size for row in Picture.objects.all())


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_imports_of_the_same_pictures_at_the_same_time_store_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_BATCH", 7)
    shop = folder(tmp_path / "shop", {f"{number:02}.png": numbered(number) for number in range(40)})

    def run(slug: str) -> Outcome:
        try:
            return imported(slug, shop)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, ["shop", "other", "shop", "third"]))
    assert all(outcome.items_taken == 40 for outcome in outcomes)
    assert sum(outcome.new for outcome in outcomes) == 120
    assert Picture.objects.count() == 40
    assert Item.objects.count() == 120


@pytest.mark.database
@pytest.mark.django_db
def test_the_version_rises_once_per_batch_that_changed_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_BATCH", 10)
    shop = folder(tmp_path / "shop", {f"{number:02}.png": numbered(number) for number in range(25)})
    assert imported("shop", shop)[0].version == 3
    folder(shop, {"12.png": picture()})
    assert imported("shop", shop)[0].version == 4


@pytest.mark.database
@pytest.mark.django_db
def test_ten_times_the_pictures_take_no_more_statements(tmp_path: Path) -> None:
    def statements(slug: str, count: int) -> int:
        shop = folder(tmp_path / slug, {f"{number:03}.png": numbered(number) for number in range(count)})
        with CaptureQueriesContext(connection) as caught:
            imported(slug, shop)
        return len(caught)

    assert statements("large", 200) == statements("small", 20)


class Missing:
    """A table of pictures that are not there, as long as one likes."""

    def __init__(self, root: Path, count: int) -> None:
        self.root = root.resolve()
        self._count = count

    def count(self) -> int:
        return self._count

    def rows(self) -> Iterator[Record | RowFault]:
        for number in range(self._count):
            yield Record(number, f"{number}.jpg", key=f"{number}.jpg")


@pytest.mark.database
@pytest.mark.django_db
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_keys, "_MOST_RECENT", 1024)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            with Report(tmp_path / f"{count}.csv") as report:
                import_rows("shop", Missing(tmp_path, count), report)
            assert report.counts == {"missing-file": count}
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1_000)
    few, many = peak(2_000), peak(20_000)
    # A key is remembered in 8 bytes, twice that while it is sorted in; a row held by anything would show.
    assert many - few < 18_000 * 40


@pytest.mark.database
@pytest.mark.django_db
def test_progress_counts_every_row_once(tmp_path: Path) -> None:
    folder(tmp_path, {"a.png": picture(), "b.png": b""})
    (tmp_path / "items.csv").write_text("path,x1,y1,x2,y2\na.png,1,1,x,2\nb.png,,,,\nc.png,,,,\n")
    told: list[int] = []
    with Report() as report:
        import_rows("shop", open_source(tmp_path / "items.csv", None, {}), report, advance=told.append)
    assert sum(told) == 3


@pytest.mark.django_db
@pytest.mark.database
def test_words_for_nothing_are_no_labels_and_labels_that_look_alike_are_told(tmp_path: Path) -> None:
    names = ["nan", "NaN", "None", "NULL", "N/A", "Shirt", "shirt", "T-shirt", "t_shirt"]
    files = {f"{number}.png": numbered(number) for number in range(len(names) + 1)}
    rows = [f"{number}.png,{name},{name},{name}" for number, name in enumerate(names)]
    table = "\n".join(["path,category,product,fit", *rows, f"{len(names)}.png,shirt,p,tight"])
    outcome, report = imported("shop", folder(tmp_path, {**files, "items.csv": table.encode()}) / "items.csv")
    assert (outcome.new, report.left_out) == (len(names) + 1, 0)
    assert set(Item.objects.values_list("category", flat=True)) == {"", "Shirt", "shirt", "T-shirt", "t_shirt"}
    assert not Item.objects.filter(product__in=names[:5]).exists()
    assert Item.objects.filter(attributes={}).count() == 5
    assert report.counts == {"missing-label": 10, "look-alike-label": 2}


@pytest.mark.django_db
@pytest.mark.database
def test_keys_that_lost_their_letters_on_the_way_are_refused(tmp_path: Path) -> None:
    table = "path,key\n0.png,caf\N{REPLACEMENT CHARACTER}\n1.png,café\n"
    files = {"0.png": numbered(0), "1.png": numbered(1), "items.csv": table.encode()}
    outcome, report = imported("shop", folder(tmp_path, files) / "items.csv")
    assert (outcome.new, dict(report.counts)) == (1, {"not-utf-8": 1})
