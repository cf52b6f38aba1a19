"""Treated copies among real photographs: how many a look through the catalogue proposes, and how many false pairs.

700 of the 3,068 photographs come in once more: saved anew at quality 40, at half size, cut to 90 %, mirrored, 175 of
each. The product's own job learns its threshold from copies that it makes itself of 100 photographs, and proposes. A
pair of two photographs that are not one's copy counts as false, also where somebody might see the same thing.

Run: python tests/benchmarks/bench_duplicates.py [--quick] [--keep]
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")
# An installation of its own: database, pictures, vectors and indexes.
VAR = tempfile.TemporaryDirectory(prefix="don-duplicates-")
os.environ["VAR_DIR"] = VAR.name

import django  # noqa: E402 - the repository is on the path only now

django.setup()

from django.core.management import call_command  # noqa: E402 - only after setup

from evalapp.catalog.domain.originals import store_original  # noqa: E402
from evalapp.catalog.services.items import ItemDraft, upsert_items  # noqa: E402
from evalapp.contenders.services.registration import register_model  # noqa: E402
from evalapp.core.models import Job  # noqa: E402
from evalapp.core.pipeline.chunk_work import work_on  # noqa: E402
from evalapp.search.models import DuplicatePair, DuplicateScan, SearchIndex  # noqa: E402
from evalapp.search.services.duplicates import request_scan  # noqa: E402
from evalapp.search.services.search_indexes import IndexPlan, create_index, request_build  # noqa: E402
from models_registry.duplicates import treated_copies  # noqa: E402
from models_registry.pictures import open_rgb  # noqa: E402
from tests.benchmarks.bench_embedding import MOBILENET_OPTIONS, SHARED  # noqa: E402
from tests.benchmarks.harness import Row, at_least, at_most, keep, print_table  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="600 photographs, 140 copies")
    parser.add_argument("--keep", action="store_true", help="for the table in the documentation")
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    photos, copies = (600, 140) if asked.quick else (3_068, 700)
    treatments = _bring(photos, copies)
    index = _built()
    begun = time.perf_counter()
    _done(request_scan(index.catalogue, "picture", index))
    seconds = time.perf_counter() - begun
    title = f"Duplicates: {copies} treated copies among {photos:,} photographs, MobileNet v2"
    rows = _rows(treatments, photos + copies, seconds)
    print_table(title, rows)
    if asked.keep:
        keep("search-duplicates", title, rows)


def _bring(photos: int, copies: int) -> dict[str, str]:
    """The photographs as items 0000, 0001 … and copies of some as `KEY-TREATMENT`; the treatment by key."""
    folder = SHARED / "data" / "clothing"
    with (folder / "items.csv").open() as file:
        rows = list(csv.DictReader(file))[:photos]
    drafts, treatments = [], {}
    for number, row in enumerate(rows):
        data = (folder / row["image"]).read_bytes()
        key = f"{number:04d}"
        drafts.append(ItemDraft(key=key, path=row["image"], picture=store_original(data), category=row["category"]))
        if number % (photos // copies) == 0 and len(treatments) < copies:
            every = treated_copies(open_rgb(data))
            name = list(every)[len(treatments) % len(every)]
            out = io.BytesIO()
            every[name].save(out, "JPEG", quality=40 if name == "jpeg" else 90)
            treatments[f"{key}-{name}"] = name
            copy = ItemDraft(key=f"{key}-{name}", path=f"{key}-{name}", picture=store_original(out.getvalue()))
            drafts.append(copy)
    for start in range(0, len(drafts), 500):
        upsert_items("clothing", drafts[start : start + 500])
    return treatments


def _built() -> SearchIndex:
    network = str(SHARED / "models" / "mobilenet_v2_100_224.onnx")
    options = {**MOBILENET_OPTIONS, "resize": "squash", "interpolation": "bilinear"}
    register_model(source=f"onnx:{network}", name="mv2", options=options)
    index = create_index(IndexPlan(slug="clothing", catalogue="clothing", encoder="mv2"))
    _done(request_build(index))
    index.refresh_from_db()
    return index


def _done(job: Job) -> None:
    while work_on(job.pk):
        pass
    job.refresh_from_db()
    if job.state != "done":
        raise SystemExit(f"{job}: {job.state} {job.error}")


def _rows(treatments: dict[str, str], items: int, seconds: float) -> list[Row]:
    found = DuplicatePair.objects.filter(level__in=["picture", "bytes"])
    pairs = {frozenset(pair) for pair in found.values_list("first__key", "second__key")}
    copies = {key for key in treatments if frozenset((key.rpartition("-")[0], key)) in pairs}
    wrong = [pair for pair in pairs if len({key.partition("-")[0] for key in pair}) > 1]
    report = DuplicateScan.objects.get().report
    rows = [
        at_least("treated copies found", len(copies), len(treatments), "copies", 0.95),
        at_most("pairs of others proposed, of 1,000 items", 1000 * len(wrong) / items, 1, "pairs", 1.0),
        Row("copies found, as the job expected", report["copies_found"], 1, "share", report["copies_found"]),
        Row("looking through the catalogue", seconds, 1, "s", seconds),
    ]
    for name in dict.fromkeys(treatments.values()):
        all_of = [key for key, one in treatments.items() if one == name]
        share = sum(key in copies for key in all_of) / len(all_of)
        rows.append(Row(f"found of {name}", share, 1, "share", share))
    return rows


if __name__ == "__main__":
    main()
