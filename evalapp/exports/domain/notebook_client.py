"""Votes of a Dope or Nope server in a notebook. One file, to be copied: it needs pandas and pyarrow, nothing else.

from client import Client

tables = Client("https://swipe.example.org", token="…").export("demo")
tables["votes"].groupby("verdict").size()
"""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class ServerError(Exception):
    """The server said no; `code` is one of the codes of the API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Client:
    """A server and an operator's token (made in its `/admin/`)."""

    def __init__(self, address: str, token: str, timeout: float = 60.0) -> None:
        self._address = address.rstrip("/")
        self._token = token
        self._timeout = timeout

    def export(self, study: str, patience: float = 3600.0) -> dict[str, pd.DataFrame]:
        """The tables of a study by name: votes, pairs, nominations, items, triplets.

        Waits until the server has written them, `patience` seconds at most (TimeoutError). Raises ServerError.
        """
        import pandas as pd

        export = self.call("POST", "exports/", {"study": study, "format": "parquet"})
        deadline = time.monotonic() + patience
        while not export["download"]:
            if export["state"] in {"failed", "cancelled", "done with errors"}:
                raise ServerError("failed", f"Export {export['id']} {export['state']}; see /lab/exports/.")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Export {export['id']} is still {export['state']}.")
            time.sleep(0.5)
            export = self.call("GET", f"exports/{export['id']}/")
        with zipfile.ZipFile(io.BytesIO(self._fetch_file(export["download"]))) as archive:
            files = [name for name in archive.namelist() if name.endswith(".parquet")]
            return {PurePosixPath(name).stem: pd.read_parquet(io.BytesIO(archive.read(name))) for name in files}

    def leaderboard(self, study: str) -> pd.DataFrame:
        """The standings, best first. Raises ServerError."""
        import pandas as pd

        return pd.DataFrame(self.call("GET", f"studies/{study}/leaderboard/")["standings"])

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Any operation of the API, by its path under `/api/v1/`; the decoded answer. Raises ServerError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        address = f"{self._address}/api/v1/{path}"
        request = urllib.request.Request(address, data, headers, method=method)  # noqa: S310 - the caller's own server
        return json.loads(self._open_request(request) or b"null")

    def _fetch_file(self, address: str) -> bytes:
        return self._open_request(urllib.request.Request(address))  # noqa: S310 - a link that the server made

    def _open_request(self, request: urllib.request.Request) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            raise _server_error(error) from error


def _server_error(error: urllib.error.HTTPError) -> ServerError:
    try:
        problem = json.loads(error.read())["error"]
        return ServerError(problem["code"], problem["message"])
    except (ValueError, KeyError, TypeError):
        return ServerError("failed", f"The server answered {error.code}.")
