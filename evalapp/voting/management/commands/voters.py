"""`manage.py voters STUDY [--state S] [--order O] [--limit N] [--block ID | --unblock ID]`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.models import Voter
from evalapp.voting.queries.voter_lists import ORDERS, STATES, USUAL, listed_voters
from evalapp.voting.services.voters import block_voter, unblock_voter


class Command(BaseCommand):
    help = "Who votes in a study and what their answers tell; set the votes of one aside, or let them count again."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")
        parser.add_argument("--state", choices=STATES, default="", help="only those")
        parser.add_argument(
            "--order", choices=ORDERS, default="", help="who comes first (the blocked, then who answered most)"
        )
        parser.add_argument("--limit", type=int, default=USUAL, metavar="N", help=f"so many of them ({USUAL})")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--block", metavar="ID", help="set their votes aside, in every study")
        wish.add_argument("--unblock", metavar="ID", help="let them count again, for good")

    def run(self, **options: Any) -> Any:
        study = study_by_slug(options["study"])
        if options["block"]:
            self.say(f"{block_voter(_voter_of_text(options['block'])):,} votes are set aside.")
        if options["unblock"]:
            self.say(f"{unblock_voter(_voter_of_text(options['unblock'])):,} votes count again.")
        filters = {name: options[name] for name in ("state", "order", "limit")}
        lines = [asdict(line) for line in listed_voters(study, **filters).lines]
        for line in lines:
            self.say("  ".join(f"{name} {value}" for name, value in line.items() if value not in {None, ""}))
        return lines


def _voter_of_text(text: str) -> Voter:
    try:
        number = UUID(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no id of a voter.") from error
    voter = Voter.objects.filter(pk=number).first()
    if voter is None:
        raise NotFound(f"There is no voter {text}.")
    return voter
