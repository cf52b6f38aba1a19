"""`manage.py search_service`: the process that answers searches."""

from __future__ import annotations

import os
import sys
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.search.domain.service_address import socket_path

_THREADS = 32
"""Far more than compute at once: whoever cannot be answered in time has to be told so at once."""

_BEHIND_VOTES = 5
"""Niceness: where searches and votes want the same processor, who swipes does not wait for who searches."""


class Command(BaseCommand):
    help = "Answer searches: on a socket in var/, or on the port of SEARCH_URL or of --bind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", help="HOST:PORT instead, such as 0.0.0.0:8100 in a container")

    def run(self, **options: Any) -> None:
        bind = options["bind"] or _usual_bind()
        command = [
            sys.executable, "-m", "gunicorn", "evalapp.search.pipeline.search_service.wsgi:start_application()",
            "--bind", bind, "--worker-class", "gthread", "--workers", "1", "--threads", str(_THREADS),
            # Nobody else on this machine may connect to the socket.
            "--umask", "0o177", "--log-level", "warning", "--no-control-socket", "--keep-alive", "75",
            # What is searched with stands in no file, also not in one that holds a large request.
            "--worker-tmp-dir", "/dev/shm" if os.path.isdir("/dev/shm") else str(settings.VAR_DIR),  # noqa: S108
        ]  # fmt: skip
        share = str(settings.SEARCH_THREADS)
        limits = {name: os.environ.get(name, share) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        os.nice(_BEHIND_VOTES)
        os.execve(sys.executable, command, {**os.environ, **limits})  # noqa: S606 - a command line of ours


def _usual_bind() -> str:
    if not settings.SEARCH_URL:
        path = socket_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        return f"unix:{path}"
    address = urlsplit(settings.SEARCH_URL)
    return f"{address.hostname}:{address.port}"
