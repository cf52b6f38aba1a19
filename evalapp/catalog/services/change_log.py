"""The changes of a catalogue's rows, numbered without gaps: whoever keeps a copy reads on from the last it has seen.

A version says what the catalogue contains and does not move with flags; a change number moves with everything.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from evalapp.catalog.models import Item

_NOTE = "UPDATE catalog_catalogue SET last_change = last_change + 1 WHERE id = %s RETURNING last_change"


def note_change(catalogue: int) -> int:
    """The number of the change that the caller's transaction makes.

    The catalogue stays locked until the transaction ends: who reads change N has read all before it as well.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [catalogue])
        (change,) = cursor.fetchone()
    return int(change)


def note_change_of(items: Collection[int]) -> None:
    """Number the change of these rows, in each of their catalogues. The caller is in a transaction."""
    rows = Item.objects.filter(pk__in=items)
    for catalogue in rows.order_by("catalogue").values_list("catalogue", flat=True).distinct():
        rows.filter(catalogue=catalogue).update(last_change=note_change(catalogue))
