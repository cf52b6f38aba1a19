"""Looking for duplicates: calibrate on treated copies of the catalogue's own pictures, then propose pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from evalapp.catalog.models import Item
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.search.models import DuplicateLevel, DuplicateScan, SearchIndex
from evalapp.search.queries.gallery import gallery_items
from evalapp.search.services.duplicates import ProposedPair, finish_scan, propose_pairs
from models_registry.duplicates import (
    PictureCalibration,
    PictureMarks,
    calibrate_duplicates,
    likely_strangers,
    pair_features,
    picture_hash,
    propose_duplicates,
    treated_copies,
)
from models_registry.encoders.encoder_base import Encoder
from models_registry.index import VectorIndex, open_generation
from models_registry.metrics import Metric, exact_distances, is_metric
from models_registry.pictures import BadPicture, open_rgb
from models_registry.spec import Box

_COPIED, _STRANGERS, _NEIGHBOURS = 100, 1000, 5
_BATCH = 500
_THING_QUANTILE = 0.02
"""So near as the nearest 2 % of neighbours of other products: maybe the same thing."""


def _scan_of_target(target: str) -> DuplicateScan:
    scans = DuplicateScan.objects.select_related("catalogue", "index__embedding__model", "index__serving", "job")
    return scans.get(pk=int(target.removeprefix("duplicates:")))


def _cut_scan(_target: str) -> Iterator[Piece]:
    yield Piece({})


def _find_pairs(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    scan = _scan_of_target(target)
    job = scan.job_id or 0
    proposed: Iterable[ProposedPair] = _same_bytes(scan)
    report: dict[str, object] = {}
    faults: list[Fault] = []
    if scan.index is not None:
        proposed, report, faults = _same_pictures(scan, scan.index)
    counts: Counter[str] = Counter()
    pairs = iter(proposed)
    while batch := list(islice(pairs, _BATCH)):
        propose_pairs(scan.catalogue_id, batch, job)
        counts.update(pair.level for pair in batch)
    finish_scan(scan, job, {**report, "pairs": {level: counts[level] for level in DuplicateLevel.values}})
    return faults


def _same_bytes(scan: DuplicateScan) -> Iterator[ProposedPair]:
    rows = Item.objects.filter(catalogue=scan.catalogue_id, removed=False).order_by("picture_id", "pk")
    first: tuple[int, int] | None = None
    for picture, item in rows.values_list("picture_id", "pk").iterator(chunk_size=5000):
        if first is not None and first[0] == picture:
            yield ProposedPair(first[1], item, DuplicateLevel.BYTES, 1.0)
        else:
            first = (picture, item)


def _same_pictures(
    scan: DuplicateScan, index: SearchIndex
) -> tuple[Iterable[ProposedPair], dict[str, object], list[Fault]]:
    metric = index.metric
    if index.serving is None or not is_metric(metric):
        raise Problem(f"{index} has no generation that serves; build it first.")
    store = embeddings.folder_of(index.embedding.model, index.embedding.tap)
    snapshot = open_generation(Path(settings.INDEXES_DIR) / index.serving.folder, store)
    rows = list(gallery_items(index).select_related("picture").order_by("pk"))
    snapshot = snapshot.without_rows(np.setdiff1d(snapshot.ids, [row.pk for row in rows]))
    is_held = snapshot.slots_of([row.pk for row in rows]) >= 0
    marks, faults = _picture_marks([row for row, is_there in zip(rows, is_held.tolist(), strict=True) if is_there])
    calibration, within = _calibrate_pictures(index, snapshot, marks, {row.pk: row for row in rows}, metric)
    levels = list(DuplicateLevel.values)[: list(DuplicateLevel.values).index(scan.level) + 1]
    pairs = propose_duplicates(snapshot, marks, metric=metric, calibration=calibration, thing_within=within)
    report: dict[str, object] = {
        "weights": list(calibration.weights),
        "threshold": calibration.threshold,
        "copies_found": calibration.found,
        "false_per_thousand": calibration.false_per_thousand,
        "thing_within": within,
        "items": len(marks.ids),
    }
    proposed = (
        ProposedPair(pair.first, pair.second, pair.level, pair.score, pair.distance)
        for pair in pairs
        if pair.level in levels
    )
    return proposed, report, faults


def _picture_marks(rows: Sequence[Item]) -> tuple[PictureMarks, list[Fault]]:
    hashes: list[NDArray[np.uint8]] = []
    readable: list[Item] = []
    faults: list[Fault] = []
    for row in rows:
        try:
            hashes.append(picture_hash(_shown_picture(row)))
            readable.append(row)
        except (BadPicture, OSError) as error:
            faults.append((row.key, str(error)))
    if len(readable) < 2:
        raise Problem("Fewer than two pictures can be compared.")
    numbers: dict[str, int] = {}
    products = [numbers.setdefault(row.product, len(numbers)) if row.product else -1 for row in readable]
    marks = PictureMarks(
        ids=np.array([row.pk for row in readable], dtype=np.int64),
        sha256=[f"{row.picture.sha256} {row.box}" for row in readable],
        hashes=np.stack(hashes),
        products=np.array(products, dtype=np.int64),
    )
    return marks, faults


def _shown_picture(row: Item) -> Image.Image:
    source = embeddings.source(row.picture.file)
    image = open_rgb(source() if callable(source) else source)
    if row.box is None:
        return image
    inside = Box(*row.box).clamp_to(image.width, image.height)
    return image.crop((inside.x1, inside.y1, inside.x2, inside.y2))


def _calibrate_pictures(
    index: SearchIndex, snapshot: VectorIndex, marks: PictureMarks, rows: dict[int, Item], metric: Metric
) -> tuple[PictureCalibration, float]:
    """The threshold for pictures, and the distance within which two things may be one."""
    chance = np.random.default_rng(0)
    sampled_rows = np.sort(chance.permutation(len(marks.ids))[:_STRANGERS])
    copied_rows = sampled_rows[: min(_COPIED, len(sampled_rows))]
    copies = _copy_features(index, snapshot, marks, copied_rows, rows, metric)
    strangers, stranger_rows, are_known = _stranger_features(snapshot, marks, sampled_rows, metric)
    if len(copies) and len(strangers):
        strangers = strangers[likely_strangers(copies, strangers, stranger_rows, are_known)]
    if not len(copies) or not len(strangers):
        raise Problem("There are too few pictures to learn what a duplicate looks like here.")
    within = float(np.quantile(strangers[:, 0], _THING_QUANTILE))
    return calibrate_duplicates(copies, strangers, items=len(sampled_rows)), within


def _stranger_features(
    snapshot: VectorIndex, marks: PictureMarks, sampled_rows: NDArray[np.int64], metric: Metric
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs of items and their nearest of other products, the rows that these are the neighbours of, and whether both
    products are known; the same bytes are no strangers."""
    row_of = {item: row for row, item in enumerate(marks.ids.tolist())}
    products = marks.products
    ids = marks.ids[sampled_rows]
    nearest = snapshot.search(snapshot.vectors_of(snapshot.slots_of(ids)), metric=metric, k=_NEIGHBOURS, query_ids=ids)
    pair_rows: list[int] = []
    pair_others: list[int] = []
    distances: list[float] = []
    for row, answers, apart in zip(
        sampled_rows.tolist(), nearest.ids.tolist(), nearest.distances.tolist(), strict=True
    ):
        for item, distance in zip(answers, apart, strict=True):
            other = row_of.get(item)
            if other is None or marks.sha256[row] == marks.sha256[other]:
                continue
            if products is not None and products[row] == products[other] != -1:
                continue
            pair_rows.append(row)
            pair_others.append(other)
            distances.append(distance)
    if not pair_rows:
        return np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
    are_known = np.zeros(len(pair_rows), dtype=np.bool_)
    if products is not None:
        are_known = (products[pair_rows] >= 0) & (products[pair_others] >= 0)
    features = pair_features(np.array(distances), marks.hashes[pair_rows], marks.hashes[pair_others])
    return features, np.array(pair_rows, dtype=np.int64), are_known


def _copy_features(
    index: SearchIndex,
    snapshot: VectorIndex,
    marks: PictureMarks,
    copied_rows: NDArray[np.int64],
    rows: dict[int, Item],
    metric: Metric,
) -> NDArray[np.float64]:
    """Pairs of pictures and what becomes of them when they are uploaded once more."""
    encoder = embeddings.encoder_of(index.embedding.model, index.masker)
    if not isinstance(encoder, Encoder) or index.embedding.model.spec["reads"] != "pictures":
        raise Problem(f"{index.embedding.model} reads no pictures; use an index whose encoder does.")
    tap, features = index.embedding.tap, []
    encoder.set_threads(1)
    for row in copied_rows.tolist():
        item = int(marks.ids[row])
        original_vector = snapshot.vectors_of(snapshot.slots_of([item]))[0]
        treated = list(treated_copies(_shown_picture(rows[item])).values())
        batch = np.empty((len(treated), *encoder.input_shape), dtype=np.float32)
        for copy_index, image in enumerate(treated):
            encoder.prepare(batch[copy_index], image, None)
        apart = exact_distances(metric, original_vector, encoder.encode(batch, [tap])[tap])
        hashes = np.stack([picture_hash(image) for image in treated])
        features.append(pair_features(apart, np.repeat(marks.hashes[[row]], len(treated), axis=0), hashes))
    return np.concatenate(features) if features else np.empty((0, 2))


PLAN = Plan(stages=(Stage("compare", "catalogues", _cut_scan, _find_pairs),))
