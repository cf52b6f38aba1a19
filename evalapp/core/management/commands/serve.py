"""`manage.py serve`: everything that one machine needs, until Ctrl-C."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import get_resolver

from evalapp.core import tasks
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.core.services.embedded.forks import keep_for_forks
from evalapp.core.services.embedded.workers import Crew, celery_command, worker_command, worker_is_alive
from evalapp.core.services.network_addresses import own_addresses
from evalapp.core.services.static_files import collect_if_changed

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to
_MOST_PORT = 65_535


class Command(BaseCommand):
    help = "Run web server, workers and beat on this machine; Ctrl-C ends them all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
        parser.add_argument("--port", type=port_number, default=8000, help="the next free one is taken if it is busy")

    def run(self, **options: Any) -> None:
        prepare_installation()
        if settings.BROKER_IS_EMBEDDED and not worker_is_alive(settings.VAR_DIR):
            tasks.recover_lost_work(timedelta(0))
        port = free_port(options["host"], options["port"])
        run_until_stopped(self, options["host"], port)


def prepare_installation() -> None:
    """Tables and static files as this version of the product wants them; nothing to do takes no time."""
    call_command("migrate", interactive=False, verbosity=0)
    collect_if_changed()


def process_roles(host: str, port: int) -> dict[str, Sequence[str]]:
    """The processes of one machine."""
    web = [
        sys.executable, "-m", "gunicorn", "evalapp.config.wsgi", "--bind", f"{host}:{port}",
        "--worker-class", "evalapp.core.services.web_server.BufferingWorker", "--workers", str(settings.WEB_WORKERS),
        "--threads", "8", "--log-level", "warning", "--no-control-socket",
        # Loaded once and forked: the processes share what they never change.
        "--preload",
    ]  # fmt: skip
    return {
        "web": web,
        "worker": worker_command("default"),
        "gpu-worker": worker_command("gpu"),
        # Known by its name only: search stands above the floor.
        "search": [sys.executable, "manage.py", "search_service"],
        "beat": celery_command("beat", "--pidfile", "", "--loglevel", "WARNING"),
    }


def load_for_all() -> None:
    """What web server, workers and beat need alike, so that it lies in memory once."""
    _ = get_resolver().url_patterns
    current_app.loader.import_default_modules()
    current_app.finalize()
    keep_for_forks()


def run_until_stopped(command: BaseCommand, host: str, port: int) -> None:
    """Start the roles, say the address, and keep them running until Ctrl-C or SIGTERM."""
    if host in _EVERYWHERE and "ALLOWED_HOSTS" not in os.environ:
        os.environ["ALLOWED_HOSTS"] = ",".join(own_addresses())
        settings.ALLOWED_HOSTS = [*settings.LOCAL_HOSTS, *own_addresses()]
    people = Crew(process_roles(host, port), notice=command.stderr.write, shares_memory=True)
    # A shell that starts this in the background has SIGINT ignored; here it must work all the same.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _as_interrupt)
    try:
        load_for_all()
        people.start()
        wait_for_port(people, host, port)
        shown_host = own_addresses()[0] if host in _EVERYWHERE else host
        command.say(f"Dope or Nope is at http://{shown_host}:{port}/  (Ctrl-C stops it)")
        if not get_user_model().objects.filter(is_staff=True).exists():
            command.say("Nobody can sign in to /lab/ yet: python manage.py create_operator NAME")
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


def port_number(text: str) -> int:
    """A word of the command line as a port; raises ArgumentTypeError for what is none."""
    if not text.isdecimal() or not 0 < int(text) <= _MOST_PORT:
        raise ArgumentTypeError(f"{text} is no port; choose one from 1 to {_MOST_PORT}.")
    return int(text)


def free_port(host: str, first_port: int) -> int:
    """The wanted port, or one of the twenty after it."""
    for port in range(first_port, min(first_port + 20, _MOST_PORT + 1)):
        with socket.socket() as probe:
            # As the web server itself binds: connections that are still fading out do not make a port busy.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                reason = error.strerror or str(error)
                raise Failed(f"This machine cannot listen at {host}, port {port}: {reason}.") from error
            return port
    raise Failed(f"Ports {first_port} to {first_port + 19} on {host} are all busy; choose one with --port.")


def _as_interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
