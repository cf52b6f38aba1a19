"""Snapshots: what a run learnt from, kept as it was, so that it can be listed, taken away and learnt from again.

A catalogue's labels are written over in place; the hash on a card would then name something that is nowhere. So the
rows are kept in a file of that name, a few bytes a picture; the pictures themselves lie in the storage anyway.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage

from evalapp.catalog.models import Picture as StoredPicture
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound, Problem
from evalapp.core.services.deeds import recorded
from evalapp.training.models import TrainingRun
from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.spec import Box, EncoderSpec
from models_registry.store import TapStore, content_key, key_for_both, key_for_item
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.reviewed_triplets import Reviewed

FORMAT = 1
_NAME = re.compile(r"[0-9a-f]{8,64}")
_FIELDS = ("key", "category", "product", "domain", "split", "x1", "y1", "x2", "y2")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """A kept snapshot, where it is from, and the finished runs that learnt from it; `run` is the id of the newest."""

    snapshot: str
    catalogue: str
    pictures: int
    bytes: int
    runs: list[str]
    run: int | None = None


def keep_snapshot(data: LabelledPictures) -> str:
    """Write the rows of what is about to be learnt from, unless they are kept already; returns the snapshot's name."""
    name = data.snapshot
    path = _snapshot_folder() / f"{name}.json.gz"
    if path.is_file():
        return name
    record = {
        "format": FORMAT,
        "catalogue": data.name,
        "rows": list(_rows_of(data)),
        "accepted": data.reviewed.accepted.tolist(),
        "rejected": data.reviewed.rejected.tolist(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    with gzip.open(draft, "wt", encoding="utf-8") as file:
        json.dump(record, file, sort_keys=True)
    _about_path(path).write_text(json.dumps({"catalogue": data.name, "pictures": len(data)}), encoding="utf-8")
    draft.rename(path)
    return name


def kept_snapshots() -> list[SnapshotLine]:
    """All that are kept, by catalogue."""
    runs: dict[str, list[tuple[int, str]]] = {}
    finished = TrainingRun.objects.filter(card__data__snapshot__isnull=False).order_by("pk")
    for number, name, snapshot in finished.values_list("pk", "name", "card__data__snapshot"):
        runs.setdefault(snapshot, []).append((number, name))
    lines = []
    for path in sorted(_snapshot_folder().glob("*.json.gz")):
        name = path.name.partition(".")[0]
        learnt_runs = runs.get(name, [])
        names, newest = [run for _, run in learnt_runs], learnt_runs[-1][0] if learnt_runs else None
        lines.append(SnapshotLine(name, *_read_about(path), path.stat().st_size, names, newest))
    return sorted(lines, key=lambda line: (line.catalogue, line.snapshot))


def read_snapshot(name: str) -> tuple[str, dict[str, Any]]:
    """The full name and the record of a kept snapshot, by its name or the first digits of it; raises NotFound."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"A snapshot is named by 8 to 64 hex digits, not {name}.")
    paths = sorted(_snapshot_folder().glob(f"{name}*.json.gz"))
    if len(paths) != 1:
        which = "no kept snapshot begins" if not paths else f"{len(paths)} kept snapshots begin"
        raise NotFound(f"For {name}: {which} so; python manage.py snapshots lists them.")
    return paths[0].name.partition(".")[0], _read_record(paths[0])


def data_from(run: TrainingRun, name: str) -> LabelledPictures:
    """The data of a run as the snapshot has it, whatever became of the catalogue; missing vectors are computed.

    Raises Problem where a picture is gone: what is left would be another snapshot.
    """
    full, record = read_snapshot(name)
    rows = record["rows"]
    files = _require_pictures(full, rows)
    pictures = [Picture(row["key"], embeddings.source(files[row["sha256"]]), _box_of_row(row)) for row in rows]
    keys = [_content_key(run.parent.spec["reads"], row) for row in rows]
    store = embeddings.folder_of(run.parent, run.parent_tap)
    _compute_vectors(run, store, keys, pictures)
    data = LabelledPictures(
        name=record["catalogue"],
        keys=[row["key"] for row in rows],
        sha256s=[row["sha256"] for row in rows],
        pictures=pictures,
        categories=[row["category"] for row in rows],
        products=[row["product"] for row in rows],
        domains=[row["domain"] for row in rows],
        splits=[row["split"] for row in rows],
        attributes=[row["attributes"] for row in rows],
        base=EncoderSpec.from_json(run.parent.spec),
        base_tap=run.parent_tap,
        base_weights=Path(settings.WEIGHTS_DIR) / run.parent.weights if run.parent.weights else None,
        vectors=store.reader(keys),
        reviewed=Reviewed(_triplet_array(record["accepted"]), _triplet_array(record["rejected"])),
    )
    if data.snapshot != full:
        raise Problem(f"The file of snapshot {full[:12]} is not what was kept: its rows give another hash.")
    return data


def require_whole(name: str) -> None:
    """Raise Problem where a picture of the snapshot is gone: what is left would be another one."""
    full, record = read_snapshot(name)
    _require_pictures(full, record["rows"])


@recorded("exported snapshot", "snapshot {name}")
def export_snapshot(name: str, output: Path) -> dict[str, Any]:
    """Write `items.csv`, `triplets.csv` and the pictures to a new or empty folder: what `import_catalogue` reads.

    Raises Conflict for a folder that holds something, Problem where a picture is gone.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise Conflict(f"{output} is there already and not an empty folder; choose another place.")
    full, record = read_snapshot(name)
    rows = record["rows"]
    (output / "pictures").mkdir(parents=True)
    for sha256 in sorted({row["sha256"] for row in rows}):
        _copy_picture(sha256, output / "pictures" / sha256)
    attributes = sorted({attribute for row in rows for attribute in row["attributes"]})
    with (output / "items.csv").open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(["path", *_FIELDS, *attributes])
        for row in rows:
            box = row["box"] or ["", "", "", ""]
            fields = [row["key"], *(row[field] or "" for field in ("category", "product", "domain", "split")), *box]
            attribute_cells = [row["attributes"].get(attribute, "") for attribute in attributes]
            sheet.writerow([f"pictures/{row['sha256']}", *fields, *attribute_cells])
    with (output / "triplets.csv").open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(["query", "positive", "negative", "decision"])
        for decision in ("accepted", "rejected"):
            sheet.writerows([*(rows[row]["key"] for row in triplet), decision] for triplet in record[decision])
    return {"snapshot": full, "catalogue": record["catalogue"], "pictures": len(rows), "folder": str(output)}


def _require_pictures(full: str, rows: Sequence[Row]) -> dict[str, str]:
    """The files of the pictures by their hash; raises Problem where one is gone."""
    stored = StoredPicture.objects.filter(sha256__in={row["sha256"] for row in rows}, withdrawn_at=None)
    files = dict(stored.values_list("sha256", "file"))
    gone = [row["key"] for row in rows if row["sha256"] not in files]
    if gone:
        lacking = f"{len(gone)} pictures of snapshot {full[:12]} are gone, such as {gone[0]}"
        raise Problem(f"{lacking}: what is left would be another snapshot.")
    return files


def _rows_of(data: LabelledPictures) -> Iterator[Row]:
    for row, key in enumerate(data.keys):
        box = data.pictures[row].box
        yield {
            "key": key,
            "sha256": data.sha256s[row],
            "box": None if box is None else [box.x1, box.y1, box.x2, box.y2],
            "category": data.categories[row],
            "product": data.products[row],
            "domain": data.domains[row],
            "split": data.splits[row],
            "attributes": dict(data.attributes[row]),
        }


def _compute_vectors(run: TrainingRun, store: TapStore, keys: Sequence[bytes], pictures: Sequence[Picture]) -> None:
    """Make the vectors that are missing; raises Problem where one cannot be made."""
    absent = set(store.missing(keys))
    if not absent:
        return
    encoder = embeddings.warm_encoder(run.parent.pk)
    if not isinstance(encoder, Encoder):
        raise Problem(f"{run.parent} has no vectors of {len(absent)} pictures of the snapshot, and computes none.")
    first = {key: number for number, key in reversed(list(enumerate(keys))) if key in absent}
    absent_pictures = [(key, pictures[number]) for key, number in first.items()]
    for batch in embed(encoder, [picture for _, picture in absent_pictures], taps=[run.parent_tap], batch_size=256):
        if batch.failures:
            number, reason = batch.failures[0]
            raise Problem(f"{absent_pictures[number][1].key!s} has no vector: {reason}")
        made_keys = [absent_pictures[number][0] for number in batch.indices.tolist()]
        store.write(made_keys, batch.vectors[run.parent_tap], half=settings.HALF_VECTORS)


def _content_key(reads: str, row: Row) -> bytes:
    box = None if row["box"] is None else tuple(row["box"])
    if reads == "keys":
        return key_for_item(row["key"])
    return content_key(row["sha256"], box) if reads == "pictures" else key_for_both(row["sha256"], box, row["key"])


def _box_of_row(row: Row) -> Box | None:
    return None if row["box"] is None else Box(*row["box"])


def _triplet_array(rows: Sequence[Sequence[int]]) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _copy_picture(sha256: str, target: Path) -> None:
    stored = StoredPicture.objects.filter(sha256=sha256, withdrawn_at=None).first()
    if stored is None:
        raise Problem(f"The picture {sha256[:12]} is gone: the snapshot cannot be taken away whole.")
    with default_storage.open(stored.file, "rb") as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _about_path(path: Path) -> Path:
    """The small file beside a snapshot that a list needs: to read all rows for their number takes a second each."""
    return path.with_name(f"{path.name.partition('.')[0]}.about.json")


def _read_about(path: Path) -> tuple[str, int]:
    """The catalogue of a snapshot and its number of pictures; those of earlier versions have no file for that."""
    if _about_path(path).is_file():
        about = json.loads(_about_path(path).read_text(encoding="utf-8"))
        return str(about["catalogue"]), int(about["pictures"])
    record = _read_record(path)
    return record["catalogue"], len(record["rows"])


def _read_record(path: Path) -> dict[str, Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            record: dict[str, Any] = json.load(file)
    except (OSError, ValueError, EOFError) as error:
        raise Problem(f"{path} cannot be read: {error}.") from error
    if record.get("format") != FORMAT:
        raise Problem(f"{path} has format {record.get('format')}; this version reads format {FORMAT}.")
    return record


def _snapshot_folder() -> Path:
    return Path(settings.TRAINING_DIR) / "snapshots"
