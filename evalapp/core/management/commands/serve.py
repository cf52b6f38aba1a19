"""`manage.py serve`: everything that one machine needs, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command

from evalapp.core import tasks
from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser, Failed
from evalapp.core.embedded.workers import Crew, celery, worker, worker_is_alive
from evalapp.core.staticfiles import collect_if_changed

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


class Command(BaseCommand):
    help = "Run web server, workers and beat on this machine; Ctrl-C ends them all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
        parser.add_argument("--port", type=int, default=8000, help="the next free one is taken if it is busy")

    def run(self, **options: Any) -> None:
        prepare()
        if settings.BROKER_IS_EMBEDDED and not worker_is_alive(settings.VAR_DIR):
            tasks.recover(timedelta(0))
        port = free_port(options["host"], options["port"])
        run_until_stopped(self, options["host"], port)


def prepare() -> None:
    """Tables and static files as this version of the product wants them; nothing to do takes no time."""
    call_command("migrate", interactive=False, verbosity=0)
    collect_if_changed()


def roles(host: str, port: int) -> dict[str, Sequence[str]]:
    """The processes of one machine."""
    web = [
        sys.executable, "-m", "gunicorn", "evalapp.config.wsgi", "--bind", f"{host}:{port}",
        "--worker-class", "gthread", "--workers", str(settings.WEB_WORKERS), "--threads", "8", "--log-level", "warning",
        "--no-control-socket",
    ]  # fmt: skip
    return {
        "web": web,
        "worker": worker("default"),
        "gpu-worker": worker("gpu"),
        "beat": celery("beat", "--pidfile", "", "--loglevel", "WARNING"),
    }


def run_until_stopped(command: BaseCommand, host: str, port: int) -> None:
    """Start the roles, say the address, and keep them running until Ctrl-C or SIGTERM."""
    if host in _EVERYWHERE and "ALLOWED_HOSTS" not in os.environ:
        os.environ["ALLOWED_HOSTS"] = ",".join(own_addresses())
    people = Crew(roles(host, port), notice=command.stderr.write)
    # A shell that starts this in the background has SIGINT ignored; here it must work all the same.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _as_interrupt)
    try:
        people.start()
        wait_for_port(people, host, port)
        shown = own_addresses()[0] if host in _EVERYWHERE else host
        command.say(f"Dope or Nope is at http://{shown}:{port}/  (Ctrl-C stops it)")
        while True:
            time.sleep(0.5)
            people.watch()
    except KeyboardInterrupt:
        command.say("Stopping.")
    except RuntimeError as error:
        raise Failed(str(error)) from error
    finally:
        # A second Ctrl-C must not leave processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        people.stop()


def wait_for_port(people: Crew, host: str, port: int, seconds: float = 60.0) -> None:
    """Return when the web server answers; raises Failed if it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        people.watch()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1" if host in _EVERYWHERE else host, port)) == 0:
                return
        time.sleep(0.1)
    raise Failed(f"The web server did not answer on port {port} within {seconds:.0f} seconds.")


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or one of the twenty after it."""
    for port in range(wanted, wanted + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise Failed(f"Ports {wanted} to {wanted + 19} on {host} are all busy; choose one with --port.")


def own_addresses() -> list[str]:
    """Addresses under which other machines of the network may know this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: connecting a datagram socket only picks the outgoing address.
            probe.connect(("192.0.2.1", 9))
            found = [str(probe.getsockname()[0])]
        except OSError:
            found = []
    return [*found, socket.gethostname()]


def _as_interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
