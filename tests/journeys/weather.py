"""A proxy with the manners of a bad network: it drops, delays, doubles and reorders requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.swipers import read_message

_DROPPED, _ANSWER_DROPPED, _DOUBLED, _DELAYED = 0.03, 0.03, 0.05, 0.10
_LONGEST_DELAY = 0.4
"""Seconds. Requests of other connections overtake the one that is held: that is the reordering."""


class Dropped(Exception):
    """The connection is closed without a word."""


@dataclass(slots=True)
class Weather:
    """Stands between the clients and the web server."""

    host: str
    port: int
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)
    _server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                first, headers, body = await read_message(reader)
                writer.write(await self._carry(_message(first, headers, body)))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, Dropped):
            writer.close()

    async def _carry(self, message: bytes) -> bytes:
        fate = self.rng.random()
        if self._is(fate, 0.0, _DROPPED, "requests dropped"):
            raise Dropped
        if self._is(fate, 0.5, _DELAYED, "delayed"):
            await asyncio.sleep(self.rng.uniform(0, _LONGEST_DELAY))
        if self._is(fate, 0.2, _DOUBLED, "doubled"):
            answer, _ = await asyncio.gather(self._ask(message), self._ask(message), return_exceptions=True)
            if isinstance(answer, BaseException):
                raise Dropped
            return answer
        answer = await self._ask(message)
        if self._is(fate, 0.8, _ANSWER_DROPPED, "answers dropped"):
            raise Dropped
        return answer

    def _is(self, fate: float, start: float, share: float, name: str) -> bool:
        happens = start <= fate < start + share
        self.done[name] += happens
        return happens

    async def _ask(self, message: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(message)
            return _message(*await read_message(reader))
        finally:
            writer.close()


def _message(first: str, headers: dict[str, list[str]], body: bytes) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, values in headers.items() for value in values)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
