"""Items that have just come in are told their near doubles: by bytes from the rows, by pictures from the service.

What is found waits for a person like any other pair. Pairs that somebody decided are not told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.queries import catalogue_named
from evalapp.core.domain.errors import Problem
from evalapp.search.domain.lookup_params import LookupParams
from evalapp.search.models import DuplicateLevel, DuplicatePair, DuplicateScan, DuplicateState
from evalapp.search.queries import service_client
from evalapp.search.queries.duplicates import scan_of
from evalapp.search.queries.gallery import gallery_items
from evalapp.search.services.duplicates import ProposedPair, propose_pairs, request_scan
from models_registry.duplicates import pair_features, picture_hash
from models_registry.pictures import BadPicture, open_rgb
from models_registry.spec import Box

MOST_AT_ONCE = 200
"""Of more items a job looks for doubles, which a person then finds in the lab."""
_NEIGHBOURS = 10
_NEVER_LOOKED = "No index of this catalogue was looked through for the same pictures yet: run find_duplicates once."


def doubles_of(slug: str, keys: Sequence[str]) -> dict[str, Any]:
    """Near doubles of the items with these keys, surest first, as plain values.

    `checked` says how far was looked: `picture`, or `bytes` with `why` where pictures could not be compared; or
    `later`, with the `job` that is to be begun.
    """
    catalogue = catalogue_named(slug)
    if len(keys) > MOST_AT_ONCE:
        return _request_later_scan(catalogue)
    items = list(Item.objects.filter(catalogue=catalogue, key__in=keys, removed=False).select_related("picture"))
    pairs = _same_bytes(catalogue, items)
    comparer, why = _comparer_of(catalogue)
    if comparer is not None:
        try:
            for item in items:
                pairs |= {pair: found for pair, found in comparer.nearest_pairs(item).items() if pair not in pairs}
        except Problem as problem:
            comparer, why = None, problem.message
    undecided = _undecided_pairs(pairs)
    propose_pairs(catalogue.pk, undecided, comparer.scan.job_id or 0 if comparer else 0)
    return {
        "checked": DuplicateLevel.PICTURE.value if comparer else DuplicateLevel.BYTES.value,
        "why": why,
        "job": None,
        "pairs": _pair_documents(undecided, {item.pk for item in items}),
    }


def _request_later_scan(catalogue: Catalogue) -> dict[str, Any]:
    try:
        job = request_scan(catalogue, DuplicateLevel.PICTURE)
    except Problem:
        job = request_scan(catalogue, DuplicateLevel.BYTES)
    return {"checked": "later", "why": f"More than {MOST_AT_ONCE} came in at once.", "job": job.pk, "pairs": []}


Pairs = dict[tuple[int, int], ProposedPair]


def _same_bytes(catalogue: Catalogue, items: Sequence[Item]) -> Pairs:
    """Of many with the same bytes each is paired with the first, as when the catalogue is looked through."""
    rows = Item.objects.filter(catalogue=catalogue, removed=False, picture__in={item.picture_id for item in items})
    alike: dict[object, list[int]] = {}
    for row in rows.order_by("pk"):
        alike.setdefault((row.picture_id, row.box), []).append(row.pk)
    new = {item.pk for item in items}
    doubles = (
        (copies[0], other) for copies in alike.values() for other in copies[1:] if other in new or copies[0] in new
    )
    return {pair: ProposedPair(*pair, DuplicateLevel.BYTES, 1.0) for pair in doubles}


def _comparer_of(catalogue: Catalogue) -> tuple[_Comparer | None, str]:
    scan = scan_of(catalogue)
    if scan is None or scan.index is None or scan.index.serving_id is None or "weights" not in scan.report:
        return None, _NEVER_LOOKED
    return _Comparer(scan), ""


@dataclass(frozen=True, slots=True)
class _Comparer:
    """Compares pictures as the last look through the catalogue learned to."""

    scan: DuplicateScan

    def nearest_pairs(self, item: Item) -> Pairs:
        """Pairs of the item with what lies nearest to it. Raises a problem where the service does not answer."""
        index = self.scan.index
        if index is None:
            return {}
        with default_storage.open(item.picture.file) as file:
            data = file.read()
        params = LookupParams(index=index.slug, kind="photo", k=_NEIGHBOURS + 1, metric=index.metric, box=item.box)
        distance_by_item = dict(service_client.look_up(params, data).items)
        distance_by_item.pop(item.pk, None)
        rows = list(gallery_items(index).filter(pk__in=distance_by_item).select_related("picture"))
        own_hash = _hash_of_item(item, data)
        compared = [(row, marks) for row in rows if (marks := _hash_of_item(row)) is not None]
        if own_hash is None or not compared:
            return {}
        distances = np.array([distance_by_item[row.pk] for row, _ in compared])
        other_hashes = np.stack([marks for _, marks in compared])
        features = pair_features(distances, np.repeat(own_hash[None], len(other_hashes), axis=0), other_hashes)
        scores = features @ np.array(self.scan.report["weights"])
        pairs = (
            self._classify_pair(item, row, float(score), distance_by_item[row.pk])
            for (row, _), score in zip(compared, scores.tolist(), strict=True)
        )
        return {(pair.first, pair.second): pair for pair in pairs if pair is not None}

    def _classify_pair(self, item: Item, other: Item, score: float, distance: float) -> ProposedPair | None:
        first, second = sorted((item.pk, other.pk))
        report: Mapping[str, Any] = self.scan.report
        if score >= report["threshold"]:
            return ProposedPair(first, second, DuplicateLevel.PICTURE, score, distance)
        is_new = not item.product or item.product != other.product
        if self.scan.level == DuplicateLevel.THING and is_new and distance <= report["thing_within"]:
            return ProposedPair(first, second, DuplicateLevel.THING, -distance, distance)
        return None


def _hash_of_item(item: Item, data: bytes | None = None) -> NDArray[np.uint8] | None:
    """Of what the item shows; None where its picture cannot be read."""
    try:
        if data is None:
            with default_storage.open(item.picture.file) as file:
                data = file.read()
        image = open_rgb(data or b"")
    except (BadPicture, OSError):
        return None
    if item.box is not None:
        inside = Box(*item.box).clamp_to(image.width, image.height)
        image = image.crop((inside.x1, inside.y1, inside.x2, inside.y2))
    return picture_hash(image)


def _undecided_pairs(pairs: Pairs) -> list[ProposedPair]:
    decided = set(
        DuplicatePair.objects.filter(first__in={first for first, _ in pairs})
        .exclude(state=DuplicateState.PROPOSED)
        .values_list("first_id", "second_id")
    )
    levels = list(DuplicateLevel.values)
    undecided = [pair for item_pair, pair in pairs.items() if item_pair not in decided]
    return sorted(undecided, key=lambda pair: (levels.index(pair.level), -pair.score))


def _pair_documents(pairs: Iterable[ProposedPair], new: set[int]) -> list[dict[str, Any]]:
    listed = list(pairs)
    keys = dict(
        Item.objects.filter(pk__in={pk for pair in listed for pk in (pair.first, pair.second)}).values_list("pk", "key")
    )
    documents = []
    for pair in listed:
        # The one that came in first, then what it doubles; of two that came in together, the newer.
        item, other = (pair.second, pair.first) if pair.second in new else (pair.first, pair.second)
        documents.append({"item": keys[item], "other": keys[other], "level": pair.level, "distance": pair.distance})
    return documents
