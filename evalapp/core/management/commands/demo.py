"""`manage.py demo`: an empty machine to a running study in the browser."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any, NoReturn

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.core.management.commands.serve import free_port, port_number, prepare_installation, run_until_stopped
from evalapp.core.management.temporary_workers import a_worker
from evalapp.core.services.embedded.workers import REPOSITORY

MODELS = {"lite0": "efficientnet-lite0", "tiny": "tiny-vgg", "colours": "colour-histogram"}
CONTENDERS = ("lite0:cosine", "lite0:hamming", "tiny.fc6:l2", "tiny.fc6:hamming", "colours:l1")
OPERATOR = "operator"


class Command(BaseCommand):
    help = "Draw a catalogue (or take yours), let networks compete on it, and serve the study."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="stop before serving")
        parser.add_argument("--images", type=Path, metavar="PATH", help="your own: a folder of pictures or a CSV")
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to swipe on a phone in the same network")
        parser.add_argument("--port", type=port_number, default=8000)

    def run(self, **options: Any) -> None:
        images: Path | None = options["images"]
        if images is not None and not images.exists():
            raise Failed(f"{images} does not exist; --images takes a folder of pictures or a CSV.")
        prepare_installation()
        slug = "demo" if images is None else "mine"
        state = _state_of(slug)
        is_to_be_built = state not in {"open", "closed"}
        if is_to_be_built:
            self._build_study(slug, images, is_new=state is None)
        self._introduce_operator()
        self.say(f"The study is open: /play/{slug}/ and its board: /leaderboard/{slug}/")
        if options["no_serve"]:
            return
        if is_to_be_built:
            # Serving begins in a process that did not draw: its roles are copies of it.
            _become_serve(options["host"], options["port"])
        run_until_stopped(self, options["host"], free_port(options["host"], options["port"]))

    def _build_study(self, slug: str, images: Path | None, *, is_new: bool) -> None:
        """Each step knows what it has done before; a build that was cut short goes on where it stopped."""
        source = self._draw_catalogue() if images is None else images
        call_command("import_catalogue", slug, str(source))
        for name, spec in MODELS.items():
            call_command("register_model", spec, name=name)
        if is_new:
            contenders = [word for contender in CONTENDERS for word in ("--contender", contender)]
            title = "Wardrobe" if images is None else images.stem.replace("_", " ").capitalize()
            call_command(
                "create_study", slug, "--catalogue", slug, *contenders, "--title", title,
                "--question", "Does this match?", "--board", "public", "--seed", "1",
            )  # fmt: skip
        with a_worker():
            call_command("precompute", slug, wait=True)
        call_command("open_study", slug)

    def _draw_catalogue(self) -> Path:
        folder = Path(settings.VAR_DIR) / "demo"
        call_command("draw_demo", str(folder))
        return folder / "items.csv"

    def _introduce_operator(self) -> None:
        """An operator with a password of their own, told once and kept where only the owner of `var/` reads it."""
        users = get_user_model()
        if users.objects.filter(is_staff=True).exists():
            return
        password = secrets.token_urlsafe(9)
        users.objects.create_superuser(OPERATOR, password=password)
        file = Path(settings.VAR_DIR) / "operator-password"
        file.touch(mode=0o600)
        file.write_text(f"{password}\n", encoding="ascii")
        self.say(f"Operators sign in at /lab/ as {OPERATOR} with the password in {file}")


def _become_serve(host: str, port: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, "manage.py", "serve", "--host", host, "--port", str(port)]
    os.chdir(REPOSITORY)
    os.execv(sys.executable, command)  # noqa: S606 - a command line of ours


def _state_of(slug: str) -> str | None:
    """The study's state, asked by name: the floor does not import what stands on it."""
    return apps.get_model("studies", "Study").objects.filter(slug=slug).values_list("state", flat=True).first()
