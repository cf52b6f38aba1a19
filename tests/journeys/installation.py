"""An installation of the product as a person has it: its own folder, real processes, real HTTP."""

from __future__ import annotations

import http.cookiejar
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY


@dataclass
class Installation:
    """Commands are run as `manage.py` would be, in processes of their own, with everything in `var`."""

    var: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "VAR_DIR": str(self.var), **self.environment}

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and insist on its exit code."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=REPOSITORY, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done

    def json(self, *words: str) -> Any:
        """The JSON document that a command prints."""
        return json.loads(self.run(*words, "--json").stdout)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *words], cwd=REPOSITORY, env=self.env, start_new_session=True
        )

    @contextmanager
    def serving(self) -> Iterator[str]:
        """`serve` for the length of the block; the address of the web server."""
        port = free_port()
        process = self.start("serve", "--port", str(port))
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(address + "/healthz", process)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


class Visitor:
    """A browser without a screen: keeps cookies, speaks JSON."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> Any:
        """The JSON document at an address."""
        with self._opener.open(self.address + path, timeout=30) as response:
            return json.load(response)

    def fetch(self, path: str) -> tuple[bytes, dict[str, str]]:
        """Bytes and headers at an address."""
        with self._opener.open(self.address + path, timeout=30) as response:
            return response.read(), dict(response.headers)

    def post(self, path: str, body: Any) -> Any:
        """The JSON answer to a JSON request; errors too, as they are documents as well."""
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with self._opener.open(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return json.load(error)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    """Return when the address answers; fails if the process ends before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"{address} did not answer within {seconds} seconds")
