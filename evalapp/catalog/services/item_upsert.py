"""A batch of items written in three statements, whatever its size.

A batch travels as one JSON document: a model instance per item and a parameter per value would take longer than
decoding a small picture does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection

_PICTURES = """
    INSERT INTO catalog_picture (sha256, public_id, file, width, height, size)
    SELECT draft.sha256, draft.public_id, draft.file, draft.width, draft.height, draft.size
    FROM jsonb_to_recordset(%(pictures)s) AS draft (
        sha256 text, public_id text, file text, width integer, height integer, size integer
    )
    LEFT JOIN catalog_picture known ON known.sha256 = draft.sha256
    WHERE known.id IS NULL
    ORDER BY draft.sha256
    ON CONFLICT (sha256) DO NOTHING
"""
"""In the order of the hashes, so that two imports of the same pictures wait for each other, not for ever."""

_CUTOUTS = """
    INSERT INTO catalog_cutout (picture_id, x1, y1, x2, y2, dimmed, margin, public_id, width, height)
    SELECT picture.id, draft.x1, draft.y1, draft.x2, draft.y2, FALSE, 0, draft.public_id,
           draft.x2 - draft.x1, draft.y2 - draft.y1
    FROM jsonb_to_recordset(%(boxes)s) AS draft (
        sha256 text, x1 integer, y1 integer, x2 integer, y2 integer, public_id text
    )
    JOIN catalog_picture picture ON picture.sha256 = draft.sha256
    ORDER BY picture.id, draft.x1, draft.y1, draft.x2, draft.y2
    ON CONFLICT (picture_id, x1, y1, x2, y2, dimmed, margin) DO NOTHING
"""

_DRAFTS = """
    WITH draft AS (
        SELECT row.*, picture.id AS picture_id, cutout.id AS cutout_id
        FROM ROWS FROM (jsonb_to_recordset(%(items)s) AS (
            key text, sha256 text, path text, category text, product text, domain text, split text,
            x1 integer, y1 integer, x2 integer, y2 integer, attributes jsonb
        )) WITH ORDINALITY AS row (
            key, sha256, path, category, product, domain, split, x1, y1, x2, y2, attributes, place
        )
        JOIN catalog_picture picture ON picture.sha256 = row.sha256
        LEFT JOIN catalog_cutout cutout
        ON (cutout.picture_id, cutout.x1, cutout.y1, cutout.x2, cutout.y2)
            = (picture.id, row.x1, row.y1, row.x2, row.y2) AND NOT cutout.dimmed AND cutout.margin = 0
    )"""

_SHOWS_THE_SAME = """
    (item.picture_id, item.x1, item.y1, item.x2, item.y2)
    IS NOT DISTINCT FROM (draft.picture_id, draft.x1, draft.y1, draft.x2, draft.y2)"""

# fmt: off
_REPLACE = _DRAFTS + """
    UPDATE catalog_item AS item SET removed = TRUE, replaced = TRUE, last_change = %(change)s
    FROM draft
    WHERE item.catalogue_id = %(catalogue)s AND item.key = draft.key AND NOT item.removed AND NOT
""" + _SHOWS_THE_SAME.join("()")  # noqa: S608 - fragments of our own
"""The row of an item that is to show something else makes place; studies that began with it keep it."""

_ITEMS = _DRAFTS + """, known AS (
        -- The youngest row of each key that shows what the draft shows, and whether the key was ever there.
        SELECT draft.*, same.id AS item_id, any_row.id IS NULL AS is_new
        FROM draft
        LEFT JOIN LATERAL (
            SELECT item.id FROM catalog_item item
            WHERE item.catalogue_id = %(catalogue)s AND item.key = draft.key AND NOT item.replaced AND
""" + _SHOWS_THE_SAME + """
            ORDER BY item.removed, item.id DESC LIMIT 1
        ) same ON TRUE
        LEFT JOIN LATERAL (
            SELECT item.id FROM catalog_item item
            WHERE item.catalogue_id = %(catalogue)s AND item.key = draft.key LIMIT 1
        ) any_row ON same.id IS NULL
    ), changed AS (
        UPDATE catalog_item AS item SET
            path = known.path, category = known.category, product = known.product, domain = known.domain,
            split = known.split, attributes = known.attributes, version = %(version)s, removed = FALSE,
            last_change = %(change)s
        FROM known
        WHERE item.id = known.item_id AND (item.removed
        OR (item.path, item.category, item.product, item.domain, item.split, item.attributes)
        IS DISTINCT FROM (known.path, known.category, known.product, known.domain, known.split, known.attributes))
        RETURNING 1
    ), written AS (
        INSERT INTO catalog_item (
            catalogue_id, key, picture_id, path, category, product, domain, split, x1, y1, x2, y2,
            cutout_id, attributes, version, removed, replaced, last_change
        )
        SELECT
            %(catalogue)s, key, picture_id, path, category, product, domain, split, x1, y1, x2, y2,
            cutout_id, attributes, %(version)s, FALSE, FALSE, %(change)s
        FROM known WHERE item_id IS NULL
        -- Joins keep no order, and which item has the smaller number is seen: in pairs, samples and pages.
        ORDER BY place
    )
    SELECT
        (SELECT count(*) FROM known WHERE item_id IS NULL AND is_new),
        (SELECT count(*) FROM known WHERE item_id IS NULL AND NOT is_new) + (SELECT count(*) FROM changed)
"""  # noqa: S608 - fragments of our own
# fmt: on


def write_pictures(pictures: Iterable[Mapping[str, Any]]) -> None:
    """Make the rows of the pictures whose hash has none. Keys as the columns of the table."""
    with connection.cursor() as cursor:
        cursor.execute(_PICTURES, {"pictures": json.dumps(list(pictures))})


def write_cutouts(boxes: Iterable[Mapping[str, Any]]) -> None:
    """Make the rows of what is shown of these boxes, where there are none: `sha256`, corners, `public_id`."""
    with connection.cursor() as cursor:
        cursor.execute(_CUTOUTS, {"boxes": json.dumps(list(boxes))})


def write_items(catalogue: int, version: int, change: int, items: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Make the items what the rows say, with this version and change; returns how many were new and how many changed.

    The caller holds the catalogue's lock, keys are distinct, every `sha256` has its picture and every box its
    cutout. An item that is already what its row says is neither written nor locked.
    """
    drafts = json.dumps(list(items), ensure_ascii=False)
    params: dict[str, int | str] = {"catalogue": catalogue, "version": version, "change": change, "items": drafts}
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE, params)
        cursor.execute(_ITEMS, params)
        new, updated = cursor.fetchone()
    return new, updated
