"""`manage.py change_study STUDY [--title …] [--copy SLUG | --archive | --return | --delete]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.services.dependents import in_words
from evalapp.studies import services
from evalapp.studies.models import BoardVisibility
from evalapp.studies.queries.study_reads import contender_named, study_by_slug


class Command(BaseCommand):
    help = "Give a study other words, viewers, frames or examples; copy it, put it away, delete one without votes."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")
        parser.add_argument("--title")
        parser.add_argument("--question", help="only before it was opened")
        parser.add_argument("--board", choices=BoardVisibility.values)
        parser.add_argument("--follow-catalogue", choices=("yes", "no"), dest="follows")
        parser.add_argument(
            "--frame", action="append", metavar="ORIGIN", help="may show it in a frame; may be repeated"
        )
        parser.add_argument(
            "--example", action="append", nargs=3, metavar=("QUERY", "CANDIDATE", "ANSWER"), dest="examples",
            help="a pair that people see before they begin, dope or nope; may be repeated",
        )  # fmt: skip
        parser.add_argument("--archive-contender", metavar="NAME", help="out of the race; its votes stay")
        parser.add_argument("--return-contender", metavar="NAME", help="back in the race")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--copy", metavar="SLUG", help="a new draft that asks the same of the same contenders")
        wish.add_argument("--archive", action="store_true", help="out of the lists; its votes stay")
        wish.add_argument("--return", action="store_true", dest="back", help="back into the lists")
        wish.add_argument("--delete", action="store_true", help="delete it, if nobody ever voted")

    def run(self, **options: Any) -> Any:
        study = study_by_slug(options["study"])
        follows = {"yes": True, "no": False, None: None}[options["follows"]]
        texts = {name: options[name] for name in ("title", "question", "board")}
        services.change_study(study, **texts, follows_catalogue=follows)
        if options["frame"] is not None:
            services.set_embed_hosts(study, options["frame"])
        if options["examples"] is not None:
            services.set_examples(study, options["examples"])
        for name, change in (
            ("archive_contender", services.archive_contender),
            ("return_contender", services.return_contender),
        ):
            if options[name]:
                change(contender_named(study, options[name]))
        if options["archive"] or options["back"]:
            services.archive_study(study, archived=options["archive"])
        dependents = services.study_needed_by(study)
        counts = {dependent.what: dependent.count for dependent in dependents}
        if options["copy"]:
            copied = services.copy_study(study, options["copy"])
            self.say(f"{copied} is drafted. Next: python manage.py precompute {copied} --wait")
            return {"study": copied.slug, "copied_from": study.slug}
        if options["delete"]:
            services.delete_study(study)
        state = "deleted" if options["delete"] else "put away" if study.archived_at else study.state
        self.say(f"{study.slug}: {state}; on it stood {in_words(dependents)}.")
        return {"study": study.slug, "state": state, "dependents": counts}
