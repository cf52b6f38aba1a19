"""Log lines for people and for machines, each with the request that it belongs to."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that this thread answers; empty outside of one."""


class TextLines(logging.Formatter):
    """Time, level, who says it, the request in brackets where there is one, and what."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and those of a traceback."""
        # Django gives its records the request itself, under a name of its own.
        record.request_mark = f" [{current}]" if (current := request_id.get()) else ""
        return super().format(record)


class JsonLines(logging.Formatter):
    """One JSON object a line, a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """`time`, `level`, `logger`, `message`, `process`, and where there are such `request_id` and `traceback`."""
        document: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if current := request_id.get():
            document["request_id"] = current
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)
