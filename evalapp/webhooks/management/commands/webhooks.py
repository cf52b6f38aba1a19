"""`manage.py webhooks [--add URL --event E … | --ping ID | --remove ID]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.webhooks import queries, services
from evalapp.webhooks.domain.event_names import EVENTS


class Command(BaseCommand):
    help = "Who is told what happens: list, add, try and remove webhooks."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--event", action="append", choices=EVENTS, dest="events", help="all if none is named")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--add", metavar="URL")
        wish.add_argument("--ping", type=int, metavar="ID", help="send it a message of no meaning")
        wish.add_argument("--remove", type=int, metavar="ID")

    def run(self, **options: Any) -> Any:
        if options["add"]:
            made = services.add_webhook(options["add"], options["events"] or list(EVENTS))
            self.say(f"Webhook {made.pk}; its messages are signed with {made.secret}")
        if options["ping"] is not None:
            services.try_webhook(queries.webhook_by_id(options["ping"]))
        if options["remove"] is not None:
            services.remove_webhook(queries.webhook_by_id(options["remove"]))
        rows = list(queries.all_webhooks())
        for row in rows:
            self.say(f"{row.pk:>6} {row.url}  {', '.join(row.events)}")
        return [{"id": row.pk, "url": row.url, "events": row.events} for row in rows]
