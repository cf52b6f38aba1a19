"""`manage.py worker_health`: for health checks of containers; a worker that computes cannot be asked itself."""

from __future__ import annotations

import socket
from typing import Any

from evalapp.core import queries
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import Failed


class Command(BaseCommand):
    help = "Succeed if a worker of this host was seen of late."

    def run(self, **options: Any) -> None:
        own_workers = [line for line in queries.worker_lines() if line.name.startswith(f"{socket.gethostname()}:")]
        alive = [line for line in own_workers if not line.silent]
        if not alive:
            raise Failed(f"No worker of {socket.gethostname()} was seen of late.")
        self.say(", ".join(f"{line.name} ({line.queues}; {line.device})" for line in alive))
