"""Functions of the database: each stands in a file `services/sql/NAME.sql` of its app and is installed by its hash.

The file creates one function, called APP_NAME. After each `migrate` those whose file has changed are replaced, so that
a change is a diff of one file and needs no migration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper

_LOCK = 0x5_C1_F0
"""Key of the advisory lock under which two concurrent `migrate` install one after the other."""

_INSTALLED = """
SELECT proname, obj_description(oid, 'pg_proc') FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace AND proname = ANY (%s)
"""
_VERSIONS = """
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname = %s
"""


@dataclass(frozen=True, slots=True)
class SqlFunction:
    """One function: its name in the database and the statement that creates it."""

    name: str
    source: str

    @property
    def digest(self) -> str:
        """SHA-256 of the source; stored as the function's comment."""
        return hashlib.sha256(self.source.encode()).hexdigest()


def sql_functions() -> list[SqlFunction]:
    """The functions of all apps as their files have them."""
    folders = [(config.label, Path(config.path, "services", "sql")) for config in apps.get_app_configs()]
    return [
        SqlFunction(f"{label}_{file.stem}", file.read_text(encoding="utf-8"))
        for label, folder in folders
        for file in sorted(folder.glob("*.sql"))
    ]


def stale_sql_functions(using: str = DEFAULT_DB_ALIAS) -> list[SqlFunction]:
    """Functions that are missing in the database or differ from their file."""
    functions = sql_functions()
    with connections[using].cursor() as cursor:
        cursor.execute(_INSTALLED, [[function.name for function in functions]])
        installed = dict(cursor.fetchall())
    return [function for function in functions if installed.get(function.name) != function.digest]


def install_sql_functions(using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> list[str]:
    """Replace what is stale; returns its names. A receiver of `post_migrate`."""
    if not stale_sql_functions(using):
        return []
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        stale = stale_sql_functions(using)
        for function in stale:
            # CREATE OR REPLACE refuses another type of result, and keeps a function with other parameters beside it.
            cursor.execute(_VERSIONS, [function.name])
            for (version,) in cursor.fetchall():
                cursor.execute(f"DROP FUNCTION {version}")
            cursor.execute(function.source)
            cursor.execute(f"COMMENT ON FUNCTION {function.name} IS '{function.digest}'")
    return [function.name for function in stale]


def named_rows(cursor: CursorWrapper) -> Iterator[dict[str, Any]]:
    """What the last statement returned, each row by the names of its columns."""
    names = [column.name for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
