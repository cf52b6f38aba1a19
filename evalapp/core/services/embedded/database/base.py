"""The stock backend, which makes sure before each new connection that the embedded server runs.

Starting it here, not at start-up, means that every kind of process (web, worker, command, test) gets it without
a line of its own, and that a server that was killed is back with the next connection.
"""

from __future__ import annotations

from typing import Any

import psycopg2
from django.conf import settings
from django.db.backends.postgresql import base

from evalapp.core.services.embedded.postgres import EmbeddedPostgres

_server: EmbeddedPostgres | None = None


def embedded_server() -> EmbeddedPostgres:
    """This process's hold on the embedded server."""
    global _server
    if _server is None:
        _server = EmbeddedPostgres(settings.VAR_DIR)
    return _server


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL through the embedded server's socket; makes the database itself at the first connection."""

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "host": str(embedded_server().socket_folder), "port": "5432"}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        embedded_server().use()
        try:
            return super().get_new_connection(conn_params)
        except psycopg2.OperationalError as error:
            if "does not exist" not in str(error) or conn_params["dbname"] != self.settings_dict["NAME"]:
                raise
            self._create_database(conn_params)
            return super().get_new_connection(conn_params)

    def _create_database(self, conn_params: dict[str, Any]) -> None:
        connection = psycopg2.connect(
            host=conn_params["host"], port=conn_params["port"], user=conn_params["user"], dbname="postgres"
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f'CREATE DATABASE "{conn_params["dbname"]}"')
        except psycopg2.errors.DuplicateDatabase:
            # Another process was first; that is what was wanted.
            pass
        finally:
            connection.close()
