"""`manage.py change_model NAME [--name NEW] [--archive | --return | --delete] [--mean … --std …]`."""

from __future__ import annotations

from typing import Any

from evalapp.contenders.queries.registered_models import model_named
from evalapp.contenders.services import model_changes
from evalapp.contenders.services.registration import change_preprocessing
from evalapp.contenders.services.registrations import PREPROCESSING
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.services.dependents import in_words


class Command(BaseCommand):
    help = "Rename a model, change how it reads pictures before first use, put it away, or delete an unused one."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--name", help="what studies call it from now on")
        for option in PREPROCESSING:
            parser.add_argument(f"--{option}", help="as register_model takes it; only before first use")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--archive", action="store_true", help="offer it no more")
        wish.add_argument("--return", action="store_true", dest="back", help="offer it again")
        wish.add_argument("--delete", action="store_true", help="delete it, if nothing was made with it")

    def run(self, **options: Any) -> Any:
        model = model_named(options["model"])
        if new_preprocessing := {name: options[name] for name in PREPROCESSING if options[name] is not None}:
            model = change_preprocessing(model, new_preprocessing)
        if options["name"]:
            model_changes.rename_model(model, options["name"])
        if options["archive"] or options["back"]:
            model_changes.archive_model(model, archived=options["archive"])
        dependents = model_changes.needed_by(model)
        if options["delete"]:
            model_changes.delete_model(model)
        state = "deleted" if options["delete"] else "put away" if model.archived_at else "in use"
        self.say(f"{model.name}: {state}; on it stood {in_words(dependents)}. It reads {model.preprocess or 'keys'}.")
        stood = {one.what: one.count for one in dependents}
        return {"model": model.name, "state": state, "preprocess": model.preprocess, "dependents": stood}
