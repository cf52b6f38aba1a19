"""A batch of items written in two statements, whatever its size.

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

_ITEMS = """
    WITH draft AS (
        SELECT row.*, picture.id AS picture_id
        FROM jsonb_to_recordset(%(items)s) AS row (
            key text, sha256 text, path text, category text, product text, domain text, split text,
            x1 integer, y1 integer, x2 integer, y2 integer, attributes jsonb
        )
        JOIN catalog_picture picture ON picture.sha256 = row.sha256
    ), changed AS (
        SELECT draft.*, item.id IS NULL AS is_new
        FROM draft LEFT JOIN catalog_item item ON item.catalogue_id = %(catalogue)s AND item.key = draft.key
        WHERE item.id IS NULL OR item.removed
        OR (item.picture_id, item.path, item.category, item.product, item.domain, item.split,
            item.x1, item.y1, item.x2, item.y2, item.attributes)
        IS DISTINCT FROM
            (draft.picture_id, draft.path, draft.category, draft.product, draft.domain, draft.split,
            draft.x1, draft.y1, draft.x2, draft.y2, draft.attributes)
    ), written AS (
        INSERT INTO catalog_item (
            catalogue_id, key, picture_id, path, category, product, domain, split, x1, y1, x2, y2, attributes,
            version, removed
        )
        SELECT
            %(catalogue)s, key, picture_id, path, category, product, domain, split, x1, y1, x2, y2, attributes,
            %(version)s, FALSE
        FROM changed
        ON CONFLICT (catalogue_id, key) DO UPDATE SET
            picture_id = excluded.picture_id, path = excluded.path, category = excluded.category,
            product = excluded.product, domain = excluded.domain, split = excluded.split,
            x1 = excluded.x1, y1 = excluded.y1, x2 = excluded.x2, y2 = excluded.y2,
            attributes = excluded.attributes, version = excluded.version, removed = excluded.removed
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM changed
"""


def write_pictures(pictures: Iterable[Mapping[str, Any]]) -> None:
    """Make the rows of the pictures whose hash has none. Keys as the columns of the table."""
    with connection.cursor() as cursor:
        cursor.execute(_PICTURES, {"pictures": json.dumps(list(pictures))})


def write_items(catalogue: int, version: int, items: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Make the items what the rows say, with this version; returns how many were new and how many changed.

    The caller holds the catalogue's lock, keys are distinct and every `sha256` has its picture. An item that is
    already what its row says is neither written nor locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _ITEMS, {"catalogue": catalogue, "version": version, "items": json.dumps(list(items), ensure_ascii=False)}
        )
        new, updated = cursor.fetchone()
    return new, updated
