"""Importing a catalogue over decoding and hashing its pictures alone, each with every core busy.

The floor reads, hashes and decodes every file, by the faster of one thread and a thread per core; nothing is stored.
Originals go to a memory disk where there is one, so that the product is measured and not the disk's mood.
Run: python tests/benchmarks/bench_import.py [--quick]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

import django  # noqa: E402 - the repository is on the path only now

django.setup()

from django.db import connection  # noqa: E402 - only after setup
from django.test import override_settings  # noqa: E402

from evalapp.catalog.domain.import_report import Report  # noqa: E402
from evalapp.catalog.domain.importers import open_source  # noqa: E402
from evalapp.catalog.models import Catalogue, Item, Picture  # noqa: E402
from evalapp.catalog.pipeline import import_rows  # noqa: E402
from models_registry.pictures import open_rgb  # noqa: E402
from tests.benchmarks.harness import Row, at_most, print_table, timed_in_turns  # noqa: E402

PHOTOS = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared")) / "data" / "clothing" / "items.csv"
MEMORY = Path("/dev/shm")  # noqa: S108 - a temporary folder is made in it
SLICE = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures and one repeat")
    quick = parser.parse_args().quick
    repeats = 1 if quick else 5
    with tempfile.TemporaryDirectory() as folder, _database():
        rows: list[Row] = []
        if PHOTOS.exists():
            rows += _over_floor("photos", PHOTOS, repeats)
        else:
            print(f"No {PHOTOS}: the row of real photos is left out.")
        rows += _over_floor("drawn, 256 px", _draw(Path(folder) / "small", 100 if quick else 2000, 256), repeats)
        rows += _over_floor("drawn, 1600 px", _draw(Path(folder) / "large", 20 if quick else 200, 1600), repeats)
    print_table(f"Import on {os.cpu_count()} cores", rows)


def _over_floor(name: str, table: Path, repeats: int) -> list[Row]:
    files = _files(table)
    slices = [files[start : start + SLICE] for start in range(0, len(files), SLICE)]
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        places = (Path(folder) / str(number) for number in range(repeats))
        _, first, again, serial, threads = timed_in_turns(
            [_forget, lambda: _import(table, next(places)), lambda: _import(table, None), *_floors(files, slices)],
            repeats,
        )
    floor = min(serial, threads)
    count = f"{name}, {len(files):,}"
    return [at_most(count, first, floor, "s", 1.5), at_most(f"{count}, again", again, floor, "s", 1.5)]


def _floors(files: list[Path], slices: list[list[Path]]) -> tuple[Callable[[], None], Callable[[], None]]:
    def serial() -> None:
        _decode_and_hash(files)

    def threads() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(_decode_and_hash, slices))

    return serial, threads


def _decode_and_hash(files: list[Path]) -> None:
    for file in files:
        data = file.read_bytes()
        hashlib.sha256(data).hexdigest()
        open_rgb(data)


_storage: dict[str, object] = {}


def _import(table: Path, media: Path | None) -> None:
    """Into a fresh storage, or, without one, once more into the last."""
    if media is not None:
        _storage["default"] = {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": media},
        }
    with override_settings(STORAGES=_storage), Report() as report:
        import_rows("bench", open_source(table, "csv", {"path": "image"}), report)
        assert not report.fault_count


def _forget() -> None:
    for model in (Item, Picture, Catalogue):
        model.objects.all().delete()


@contextmanager
def _database() -> Iterator[None]:
    """A database of its own, so that no catalogue is touched."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _files(table: Path) -> list[Path]:
    with table.open(newline="", encoding="utf-8") as file:
        return [table.parent / row["image"] for row in csv.DictReader(file)]


def _draw(folder: Path, count: int, side: int) -> Path:
    """JPEGs with the grain and size of photos, all different."""
    folder.mkdir()
    random = np.random.default_rng(2)
    coarse = random.integers(0, 256, (count, side // 16, side // 16, 3), dtype=np.uint8)
    table = folder / "items.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image"])
        for number in range(count):
            Image.fromarray(coarse[number]).resize((side, side), Image.Resampling.BICUBIC).save(
                folder / f"{number}.jpg"
            )
            writer.writerow([f"{number}.jpg"])
    return table


if __name__ == "__main__":
    main()
