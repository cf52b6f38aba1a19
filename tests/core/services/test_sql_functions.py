"""The functions in the database are those of the files."""

from __future__ import annotations

import pytest
from django.db import connection

from evalapp.core.services import sql_functions
from evalapp.core.services.sql_functions import SqlFunction, install_sql_functions, named_rows, stale_sql_functions

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FIRST = SqlFunction("core_answer", "CREATE FUNCTION core_answer() RETURNS int LANGUAGE sql AS 'SELECT 41'")
SECOND = SqlFunction(
    "core_answer",
    "CREATE FUNCTION core_answer(added int) RETURNS TABLE (answer int) LANGUAGE sql AS 'SELECT 41 + added'",
)

OF_THE_VERSION_BEFORE = {f"voting_{name}" for name in ("cast", "begin", "deal", "cards", "repeatable")}
"""Functions of migration 0006, which processes of the version before call while a new one is started."""


def body_of(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [name])
        (source,) = cursor.fetchone()
    return str(source)


def test_what_is_installed_is_what_the_files_say() -> None:
    functions = sql_functions.sql_functions()
    assert {function.name for function in functions} >= {"voting_cast_votes", "voting_begin_deck", "voting_deal_deck"}
    assert stale_sql_functions() == []
    for function in functions:
        assert body_of(function.name) in function.source


def test_no_function_of_the_product_is_without_its_file() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace")
        installed = {name for (name,) in cursor.fetchall() if name.startswith("voting_")}
    assert installed - OF_THE_VERSION_BEFORE == {function.name for function in sql_functions.sql_functions()}


def test_a_changed_file_replaces_the_function_whatever_it_takes_and_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_functions, "sql_functions", lambda: [FIRST])
    assert install_sql_functions() == ["core_answer"]
    assert install_sql_functions() == []
    monkeypatch.setattr(sql_functions, "sql_functions", lambda: [SECOND])
    assert install_sql_functions() == ["core_answer"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM core_answer(added => 1)")
        assert list(named_rows(cursor)) == [{"answer": 42}]
        cursor.execute("SELECT count(*) FROM pg_proc WHERE proname = 'core_answer'")
        assert cursor.fetchone() == (1,)
