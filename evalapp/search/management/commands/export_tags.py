"""`manage.py export_tags CATALOGUE --output FILE [--format csv|jsonl]`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from evalapp.catalog.queries import catalogue_named
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.search.queries.photo_tags import COLUMNS, exported_tag, tags_of

_CHUNK = 2000


class Command(BaseCommand):
    help = "Write down what people said about photos: boxes, products, confirmed or rejected."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("--output", required=True, help="the file to write")
        parser.add_argument("--format", choices=("csv", "jsonl"), default="csv")

    def run(self, **options: Any) -> Any:
        tags = tags_of(catalogue_named(options["catalogue"])).iterator(chunk_size=_CHUNK)
        path = Path(options["output"])
        write = _write_csv if options["format"] == "csv" else _write_lines
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                count = write(file, (exported_tag(tag) for tag in tags))
        except OSError as error:
            raise Failed(f"{path} cannot be written: {error.strerror or error}.") from error
        self.say(f"{count:,} tags in {path}.")
        return {"catalogue": options["catalogue"], "file": str(path), "tags": count}


def _write_csv(file: TextIO, tags: Iterator[dict[str, Any]]) -> int:
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    return sum(writer.writerow(tag) > 0 for tag in tags)


def _write_lines(file: TextIO, tags: Iterator[dict[str, Any]]) -> int:
    return sum(file.write(json.dumps(tag, ensure_ascii=False) + "\n") > 0 for tag in tags)
