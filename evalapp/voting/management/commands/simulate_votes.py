"""`manage.py simulate_votes STUDY --votes N --voters V --taste SPEC --seed S`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.pipeline.simulation import simulate_votes


class Command(BaseCommand):
    help = "Let a simulated crowd vote. Its votes are marked as simulated for ever."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's slug")
        parser.add_argument("--votes", type=int, default=500, help="votes in all (default: 500)")
        parser.add_argument("--voters", type=int, default=25, help="people who share them (default: 25)")
        parser.add_argument(
            "--taste",
            default="category",
            help="category, category:0.9,0.2 (dope for pairs of one category and of two), colour (alike in colours),"
            " outfit (both; outfit:0.9,0.35,0.05 for both, category only, others) or random:0.5; add"
            " +leniency:0.8 (people differ), +noise:0.05 (answers at random), +spam:0.1 (voters at random)",
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--decide",
            action="store_true",
            help="let them declare a winner, too; without it the board calls them a rehearsal and decides nothing",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        study = study_by_slug(options["study"])
        taste = parse_taste(options["taste"])
        votes, voters, seed = options["votes"], options["voters"], options["seed"]
        with self.progress("Voting", votes, "votes") as bar:
            cast = simulate_votes(
                study,
                votes=votes,
                voters=voters,
                taste=taste,
                seed=seed,
                decide=options["decide"],
                advance=bar.update,
            )
        short = "" if cast == votes else f" of {votes}: these voters have seen everything"
        self.say(f"{cast} votes cast{short}.")
        if not study.simulated_decide:
            self.say(f"They are a rehearsal and decide nothing. Next: python manage.py end_rehearsal {study}")
        return {"study": study.slug, "votes": cast, "voters": voters, "taste": options["taste"], "seed": seed}
