"""What all management commands share: exit codes, one line of why, progress bars, `--json`."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from evalapp.core.domain.errors import InvalidInput, Problem
from evalapp.core.services.deeds import COMMAND, acting


class Failed(CommandError):
    """The work failed: exit code 1, one line on standard error."""


class Usage(CommandError):
    """The call has invalid values: exit code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=2)


class Command(BaseCommand):
    """Base of the product's commands: `run` does the work and returns what `--json` prints (or None)."""

    # Whether services are embedded is for `doctor` to say, not for every command.
    requires_system_checks: list[str] = []
    offers_json = False
    json = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if self.offers_json:
            parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        self.json = bool(options.pop("json", False))
        for name in (
            "settings",
            "pythonpath",
            "traceback",
            "no_color",
            "force_color",
            "skip_checks",
            "verbosity",
        ):
            options.pop(name, None)
        try:
            with acting(_account_name, COMMAND):
                result = self.run(**options)
        except InvalidInput as problem:
            raise Usage(_one_line(problem)) from problem
        except Problem as problem:
            raise Failed(_one_line(problem)) from problem
        except KeyboardInterrupt:
            raise Failed("Stopped. Run the same command again to go on.") from None
        if self.json:
            # JSON has escapes of its own for terminals that know only ASCII.
            can_write_all = (getattr(self.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
            self.stdout.write(json.dumps(result, indent=2, ensure_ascii=not can_write_all, default=str))

    def run(self, **options: Any) -> Any:
        """Do the work; returns the JSON document of commands that offer one."""
        raise NotImplementedError

    def say(self, text: str = "") -> None:
        """A line for people; silent with `--json`, whose standard output is one document."""
        if not self.json:
            self.stdout.write(text)
            # Into a file or a journal as well it has to come when it is said, not when the command ends.
            self.stdout.flush()

    @contextmanager
    def progress(self, label: str, total: int | None, unit: str = "") -> Iterator[tqdm[Any]]:
        """A progress bar on standard error. Advance it with `bar.update(n)`."""
        with tqdm(
            total=total,
            desc=label,
            unit=f" {unit}" if unit else "",
            file=sys.stderr,
            dynamic_ncols=True,
            mininterval=0.2 if sys.stderr.isatty() else 5.0,
        ) as bar:
            yield bar


def _account_name() -> str:
    """Of the machine, under which the command runs."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return ""


def _one_line(problem: Problem) -> str:
    return " ".join(problem.message.split())


__all__ = ["Command", "CommandParser", "Failed", "Usage"]
