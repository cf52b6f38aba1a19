"""`manage.py ask PATH --question Q [--network FILE] [--encoder NAME …]`: the whole main job in one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.uploadedfile import UploadedFile

from evalapp.catalog.queries import catalogue_named
from evalapp.core.domain.attention import waiting_matters
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.tasks import nudge
from evalapp.studies.services.quick_starts import ALWAYS_THERE, quick_start_by_id, request_quick_start


class Command(BaseCommand):
    help = "Pictures and networks in, a computed study out. Next: open_study. Without pictures: what waits for you."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--zip", metavar="FILE", help="pictures, as a zip")
        parser.add_argument("--path", default="", help="or a folder below IMPORT_ROOT")
        parser.add_argument("--catalogue", help="or pictures that are here")
        parser.add_argument("--network", metavar="FILE", help="an ONNX file, vectors, or a zip of a checkpoint")
        parser.add_argument("--source", default="", metavar="SPEC", help="or a network by name, such as timm:NAME")
        parser.add_argument(
            "--encoder", action="append", default=[], dest="encoders", metavar="NAME",
            help=f"a registered one, or {', '.join(ALWAYS_THERE)}, which come along; may be repeated",
        )  # fmt: skip
        parser.add_argument("--question", default="")
        parser.add_argument("--title", default="")

    def run(self, **options: Any) -> Any:
        if not (options["zip"] or options["path"] or options["catalogue"]):
            waiting = list(waiting_matters())
            for matter in waiting:
                self.say(("! " if matter.urgent else "  ") + matter.text)
            if not waiting:
                self.say("Nothing waits. To begin: python manage.py ask --zip PICTURES.zip --network NET.onnx")
            return [{"text": matter.text, "urgent": matter.urgent} for matter in waiting]
        fields = {name: options[name] for name in ("path", "source", "encoders", "question", "title")}
        with _open_upload(options["zip"]) as pictures, _open_upload(options["network"]) as network:
            row = request_quick_start(
                pictures=pictures,
                network=network,
                catalogue=catalogue_named(options["catalogue"]) if options["catalogue"] else None,
                **fields,
            )
        if row.job is None:
            raise RuntimeError("A start begins with a job.")
        with a_worker():
            nudge(row.job)
            progress = follow(self, row.job.pk)
        require_success(progress, row.job.pk)
        study = quick_start_by_id(row.pk).study
        self.say(f"{study} is computed. Next: python manage.py open_study {study}")
        return {"study": str(study), "catalogue": row.catalogue.slug, "state": progress.state}


@contextmanager
def _open_upload(path: str | None) -> Iterator[UploadedFile[bytes] | None]:
    """A file as if it had been sent, or nothing. Raises InvalidInput where there is none."""
    if not path:
        yield None
        return
    file = Path(path)
    if not file.is_file():
        raise InvalidInput(f"There is no file {path}.")
    with file.open("rb") as stream:
        yield UploadedFile(File(stream), file.name, size=file.stat().st_size)
