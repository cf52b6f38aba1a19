"""From a data set to the items of a catalogue.

Pictures are read, hashed, decoded and stored by a few threads (Pillow and hashlib let each other run) while this
thread reads rows and writes to the database. A batch is one transaction: whatever ends the process, the catalogue
holds whole batches, and the same import run again does the rest.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evalapp.catalog import queries
from evalapp.catalog.domain.import_report import Report
from evalapp.catalog.domain.importers.bounding_boxes import Box, clamp_box, turned_box
from evalapp.catalog.domain.importers.importer_base import Record, RowFault, Source
from evalapp.catalog.domain.importers.safe_paths import FileFault, read_inside
from evalapp.catalog.domain.label_watch import LabelWatch
from evalapp.catalog.domain.originals import Original, store_original
from evalapp.catalog.domain.seen_keys import SeenKeys
from evalapp.catalog.models import FlagSource
from evalapp.catalog.services import item_flags, items
from evalapp.catalog.services.items import ItemDraft
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.values.storable_texts import why_unstorable
from evalapp.core.services.deeds import recorded
from models_registry.pictures import BadPicture, orientation_of

_BATCH = 256
_SLICE = 16
"""Pictures per task of the pool: handing over single small ones would cost more than reading them."""
_FLAGGED = 1000
_AHEAD = 2
"""Batches that the pool works on while one is written."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did to the catalogue; `version` is None where nothing could be imported."""

    version: int | None
    new: int
    updated: int
    unchanged: int

    @property
    def items_taken(self) -> int:
        """Items that are in the catalogue now because of this import."""
        return self.new + self.updated + self.unchanged


_Looked = ItemDraft | RowFault


@recorded("imported items", "catalogue {slug}", "{result.new:,} new, {result.updated:,} changed", piecewise=True)
def import_rows(
    slug: str,
    source: Source,
    report: Report,
    *,
    name: str = "",
    rows: tuple[int, int | None] = (0, None),
    advance: Callable[[int], object] = lambda _: None,
) -> Outcome:
    """Bring the rows of `source` into the catalogue; what cannot go in is noted in `report`.

    A key that comes twice counts once, the first time, also where only the block `rows` (from, up to) is brought: those
    before it are read, but not looked at. `advance` is told how many rows were dealt with.
    """
    version: int | None = None
    new = updated = unchanged = 0
    for looked in _look_at_rows(slug, source, *rows):
        faults = [found for found in looked if isinstance(found, RowFault)]
        drafts = [found for found in looked if isinstance(found, ItemDraft)]
        for fault in faults:
            report.add_fault(fault)
        if drafts:
            change = items.upsert_items(slug, drafts, name=name)
            version = change.version
            new, updated, unchanged = new + change.new, updated + change.updated, unchanged + change.unchanged
        advance(len(drafts) + sum(fault.left_out for fault in faults))
    return Outcome(version, new, updated, unchanged)


def _look_at_rows(slug: str, source: Source, start: int, stop: int | None) -> Iterator[list[_Looked]]:
    """Batches of rows whose pictures have been looked at, in order, the pool being some batches ahead."""
    seen_keys, labels = SeenKeys(), LabelWatch()
    all_rows = source.rows()
    for row in islice(all_rows, start):
        _check_row(row, seen_keys, labels)
    rows = islice(all_rows, None if stop is None else max(0, stop - start))
    withdrawn = queries.withdrawn_hashes()
    under_way: deque[list[Future[list[_Looked]]]] = deque()
    with _thread_pool() as pool:
        while batch := list(islice(rows, _BATCH)):
            checked = [found for row in batch for found in _check_row(row, seen_keys, labels)]
            originals = queries.originals_by_key(slug, [row.key for row in checked if isinstance(row, Record)])
            under_way.append(
                [
                    pool.submit(_look_at_slice, source.root, checked[start : start + _SLICE], originals, withdrawn)
                    for start in range(0, len(checked), _SLICE)
                ]
            )
            if len(under_way) > _AHEAD:
                yield _gather_results(under_way.popleft())
        while under_way:
            yield _gather_results(under_way.popleft())


class FlagsNoted:
    """A source that passes on, and keeps by reason the keys of what its data set calls misleading."""

    def __init__(self, source: Source) -> None:
        self.root = source.root
        self._source = source
        self._keys: dict[str, list[str]] = {}

    def count(self) -> int:
        return self._source.count()

    def rows(self) -> Iterator[Record | RowFault]:
        for row in self._source.rows():
            if isinstance(row, Record) and row.flag:
                self._keys.setdefault(row.flag, []).append(row.key)
            yield row

    def flag_noted(self, slug: str) -> int:
        """Flag what has gone in; returns how many items were not flagged before."""
        changed = 0
        for reason, keys in self._keys.items():
            for start in range(0, len(keys), _FLAGGED):
                present_keys = list(queries.originals_by_key(slug, keys[start : start + _FLAGGED]))
                changed += item_flags.flag_items(slug, present_keys, reason, source=FlagSource.IMPORT)
        return changed


@contextmanager
def _thread_pool() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(min(8, max(2, os.cpu_count() or 1)), thread_name_prefix="look")
    try:
        yield pool
    finally:
        # After Ctrl-C nobody wants to wait for pictures that will not be written.
        pool.shutdown(cancel_futures=True)


def _gather_results(parts: Sequence[Future[list[_Looked]]]) -> list[_Looked]:
    return [found for part in parts for found in part.result()]


def _check_row(row: Record | RowFault, seen_keys: SeenKeys, labels: LabelWatch) -> list[Record | RowFault]:
    """The record with what is to be told of it, or why it cannot go in whatever its picture is like."""
    if isinstance(row, RowFault):
        return [row]
    if fault := _fault_of_record(row, seen_keys):
        return [fault]
    cleaned, faults = labels.clean_record(row)
    return [*faults, cleaned]


def _fault_of_record(row: Record, seen_keys: SeenKeys) -> RowFault | None:
    texts = (row.path, row.key, row.category, row.product, row.domain, row.split)
    if fault := why_unstorable("".join((*texts, *row.attributes, *row.attributes.values()))):
        return RowFault(row.row, row.path, *fault)
    try:
        items.check_texts(row)
    except InvalidInput as error:
        code = "not-utf-8" if error.code == "not_utf8" else "too-long"
        return RowFault(row.row, row.path, code, error.message)
    if not seen_keys.add_key(row.key):
        message = f"An earlier row has the key {row.key}; the first one counts."
        return RowFault(row.row, row.path, "duplicate-key", message)
    return None


def _look_at_slice(
    root: Path, rows: Sequence[Record | RowFault], originals: Mapping[str, Original], withdrawn: frozenset[str]
) -> list[_Looked]:
    """In a thread of the pool: no database here."""
    results: list[_Looked] = []
    for row in rows:
        results.extend(
            [row] if isinstance(row, RowFault) else _look_at_record(root, row, originals.get(row.key), withdrawn)
        )
    return results


def _look_at_record(
    root: Path, record: Record, expected: Original | None, withdrawn: frozenset[str]
) -> Iterator[_Looked]:
    try:
        data = read_inside(root, record.path)
        original = store_original(data, expected, withdrawn)
    except FileFault as fault:
        yield RowFault(record.row, record.path, fault.code, str(fault))
        return
    except BadPicture as fault:
        yield RowFault(record.row, record.path, fault.reason, str(fault))
        return
    box: Box | None = None
    if record.box is not None:
        try:
            raw = record.box
            if record.unrotated:
                raw = turned_box(raw, orientation_of(data), original.width, original.height)
            box = clamp_box(raw, original.width, original.height)
        except ValueError as error:
            message = f"{error} The whole picture was taken."
            yield RowFault(record.row, record.path, "bad-box", message, left_out=False)
    yield ItemDraft(
        key=record.key,
        path=record.path,
        picture=original,
        category=record.category,
        product=record.product,
        domain=record.domain,
        split=record.split,
        box=box,
        attributes=record.attributes,
    )
