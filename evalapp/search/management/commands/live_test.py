"""`manage.py live_test INDEX [--against OTHER | --end]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.search.queries.live_tests import described_test, live_tests_of
from evalapp.search.queries.search_indexes import index_named
from evalapp.search.services.live_tests import close_live_test, open_live_test


class Command(BaseCommand):
    help = "Mix the answers of two indexes for whoever searches, blind, and see whose people like better."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("index")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--against", help="begin: another index of the same catalogue")
        what.add_argument("--end", action="store_true", help="end the one that is open")

    def run(self, **options: Any) -> Any:
        index = index_named(options["index"])
        if options["against"]:
            open_live_test(index, index_named(options["against"]))
        elif options["end"]:
            close_live_test(index)
        tests = [described_test(test) for test in live_tests_of(index)]
        for test in tests:
            state = "open" if test["open"] else "ended"
            says = f"people prefer {test['winner']}" if test["winner"] else "not decided"
            self.say(f"{test['live_test']:40} {state:6} {test['verdicts']:7,} verdicts; {says}")
        return {"index": index.slug, "live_tests": tests}
