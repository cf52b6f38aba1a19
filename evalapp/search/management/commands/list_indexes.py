"""`manage.py list_indexes`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.search.queries.search_indexes import described_index, search_indexes


class Command(BaseCommand):
    help = "The indexes: what they hold, what serves, and how far behind the catalogue it is."
    offers_json = True

    def run(self, **options: Any) -> Any:
        lines = [described_index(index) for index in search_indexes()]
        for line in lines:
            serving = f"generation {line['generation']}, {line['rows']:,} items" if line["generation"] else "not built"
            lag = "no search process" if line["lag"] is None else f"{line['lag']} changes behind"
            who = "public" if line["public"] else "operators only"
            self.say(f"{line['index']:20} {line['catalogue']:20} {line['encoder']:30} {serving}; {lag}; {who}")
        if not lines:
            self.say("No index yet; make one with create_index.")
        return {"indexes": lines}
