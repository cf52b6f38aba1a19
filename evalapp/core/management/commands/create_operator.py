"""`manage.py create_operator NAME [--token] [--json]`."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.services.operators import create_operator, make_token


class Command(BaseCommand):
    help = (
        "Somebody who may use /lab/ and the API. The password comes from OPERATOR_PASSWORD or the file that"
        " OPERATOR_PASSWORD_FILE names; without them one is made up and told once."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--token", action="store_true", help="make a token for the API and tell it once")

    def run(self, **options: Any) -> Any:
        given_password = settings.OPERATOR_PASSWORD
        user, password = create_operator(options["name"], given_password)
        document: dict[str, Any] = {"name": user.username}
        self.say(f"{user.username} may sign in at /lab/.")
        if not given_password:
            document["password"] = password
            self.say(f"Password, told this once: {password}")
        if options["token"]:
            document["token"] = make_token(user)
            self.say(f"Token for the API, told this once: {document['token']}")
        return document
