"""Clusters of other versions, and folders with odd names, with real servers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from evalapp.core.services.embedded import upgrade
from evalapp.core.services.embedded.postgres import EmbeddedPostgres
from evalapp.core.services.embedded.programs import (
    EmbeddedPostgresError,
    installed_programs,
    newest_version,
    program_folder,
    version_of,
)


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="don-"))
    yield folder
    for data in (EmbeddedPostgres(folder).data_folder, EmbeddedPostgres(folder).draft_folder):
        EmbeddedPostgres(folder).stop(data)
    shutil.rmtree(folder)


def ask(server: EmbeddedPostgres, statement: str, database: str = "postgres") -> object:
    connection = psycopg2.connect(host=str(server.socket_folder), port="5432", user="postgres", dbname=database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def older_cluster(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> int:
    """A cluster of the oldest version that the wheel carries, filled and stopped; its version."""
    old = min(installed_programs())
    assert old < newest_version(), "the wheel carries one version only"
    server._prepare_folders()
    server.make_folder(server.data_folder)
    words = ("-D", str(server.data_folder), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
    with monkeypatch.context() as patch:
        patch.setattr("evalapp.core.services.embedded.postgres.newest_version", lambda: old)
        server.run("initdb", *words)
    with server.running_cluster(server.data_folder, server.socket_folder):
        ask(server, "CREATE DATABASE dopeornope")
        ask(server, "CREATE TABLE votes (id serial PRIMARY KEY, verdict text)", "dopeornope")
        ask(server, "INSERT INTO votes (verdict) SELECT 'dope ' || n FROM generate_series(1, 500) n", "dopeornope")
        ask(server, "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'", "dopeornope")
    assert version_of(server.data_folder) == old
    return old


def test_a_cluster_of_the_version_before_is_upgraded_with_all_that_is_in_it(
    var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = EmbeddedPostgres(var)
    old = older_cluster(server, monkeypatch)

    server._start_server()

    assert version_of(server.data_folder) == newest_version()
    assert str(ask(server, "SHOW server_version", "dopeornope")).startswith(str(newest_version()))
    assert ask(server, "SELECT string_agg(verdict, ',' ORDER BY id) FROM votes", "dopeornope") == ",".join(
        f"dope {n}" for n in range(1, 501)
    )
    assert ask(server, "INSERT INTO votes (verdict) VALUES ('next') RETURNING id", "dopeornope") == 501
    assert ask(server, "SELECT twice(4)", "dopeornope") == 8
    assert ask(server, "SELECT datlocprovider FROM pg_database WHERE datname = 'dopeornope'") == "b"
    assert version_of(server.kept_cluster(old)) == old
    assert f"from PostgreSQL {old} to {newest_version()}" in capsys.readouterr().err
    assert not (var / "postgres.dumps").exists()


def test_an_upgrade_that_lost_rows_leaves_the_old_cluster_as_it_was(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedPostgres(var)
    old = older_cluster(server, monkeypatch)

    def load_and_lose(server: EmbeddedPostgres, apart: Path, name: str, dump: Path) -> None:
        load(server, apart, name, dump)
        if name == "dopeornope":
            with psycopg2.connect(host=str(apart), user="postgres", dbname=name) as connection:
                connection.cursor().execute("DELETE FROM votes WHERE id = 7")

    load = upgrade._load_dump
    monkeypatch.setattr(upgrade, "_load_dump", load_and_lose)
    with pytest.raises(EmbeddedPostgresError, match="untouched"):
        server._start_server()

    assert version_of(server.data_folder) == old
    monkeypatch.setattr(upgrade, "_load_dump", load)
    server._start_server()
    assert ask(server, "SELECT count(*) FROM votes", "dopeornope") == 500


def test_an_upgrade_cut_off_between_its_last_two_steps_is_ended_by_the_next_start(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(var)
    old = older_cluster(server, monkeypatch)
    rename = Path.rename

    def rename_once(path: Path, target: Path) -> Path:
        if path == server.draft_folder:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_once)
    with pytest.raises(KeyboardInterrupt):
        server._start_server()
    monkeypatch.setattr(Path, "rename", rename)
    assert version_of(server.data_folder) is None

    server._start_server()

    assert ask(server, "SELECT count(*) FROM votes", "dopeornope") == 500
    assert version_of(server.kept_cluster(old)) == old
    assert sorted(path.name for path in server.data_folder.glob("upgraded")) == []


def test_a_cluster_that_no_program_here_can_read_is_told_in_one_line(var: Path) -> None:
    server = EmbeddedPostgres(var)
    server._prepare_folders()
    server.make_folder(server.data_folder)
    (server.data_folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(
        EmbeddedPostgresError, match=r"made by PostgreSQL 12, and .* carries \d+ and \d+: .* backup"
    ) as caught:
        server._start_server()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["it's", 'a "b"', "$HOME", "a,b", "back\\slash", "`x`", "ü & % # [b] ; *"])
def test_a_folder_may_have_any_name(var: Path, name: str) -> None:
    server = EmbeddedPostgres(var / name)
    server._start_server()
    try:
        assert ask(server, "SELECT 1") == 1
    finally:
        server.stop()


def test_programs_are_found_by_their_version_and_not_by_a_folders_name() -> None:
    for version, folder in installed_programs().items():
        assert folder == program_folder(version)
        assert os.access(folder / "postgres", os.X_OK)
    assert list(installed_programs()) == sorted(installed_programs())


def test_order_and_letters_do_not_depend_on_the_system(var: Path) -> None:
    server = EmbeddedPostgres(var)
    server._start_server()
    assert (
        ask(server, "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'template1'")
        == "bC.UTF-8"
    )
    assert (
        ask(server, "SELECT upper('çß') || (SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,A,a,B}'::text[]) x)")
        == "ÇßABab"
    )
