"""People who swipe over real HTTP, many at once, for benchmarks and journeys: asyncio, one connection each."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

_PATIENCE = 20.0


class Lost(Exception):
    """No answer came, or none that is whole: the request may have been carried out or not."""


@dataclass(slots=True)
class Swiper:
    """One visitor's browser: a kept connection and the voter's cookie."""

    host: str
    port: int
    cookie: str = ""
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON of the answer. Raises Lost; the next call connects anew."""
        try:
            return await asyncio.wait_for(self._exchange(path, json.dumps(body).encode()), _PATIENCE)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            self.close()
            raise Lost(repr(error)) from error

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _exchange(self, path: str, body: bytes) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}Content-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, headers, answer = await read_message(reader)
        for value in headers.get("set-cookie", []):
            if value.startswith("voter="):
                self.cookie = value.split(";")[0]
        if "close" in headers.get("connection", []):
            self.close()
        code = int(status.split()[1])
        return code, json.loads(answer) if answer and code < 500 else None


async def read_message(reader: asyncio.StreamReader) -> tuple[str, dict[str, list[str]], bytes]:
    """One HTTP message: its first line, its headers by name in small letters, its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    length = int(headers.get("content-length", ["0"])[0])
    return first, headers, await reader.readexactly(length)
