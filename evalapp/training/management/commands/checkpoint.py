"""`manage.py checkpoint MODEL --output DIR`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser, Failed
from evalapp.training.queries import checkpoint_of
from models_registry.errors import EncoderError


class Command(BaseCommand):
    help = "Take a trained encoder away: weights, preprocessing, card, base network, and one ONNX file of it all."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="a registered model that was trained")
        parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new or empty folder")

    def run(self, **options: Any) -> Any:
        from models_registry.training.takeaway import take_away

        path = checkpoint_of(options["model"])
        try:
            taken = take_away(path, options["output"])
        except EncoderError as error:
            raise Failed(str(error)) from error
        except OSError as error:
            raise Failed(f"{options['output']} cannot be written: {error.strerror or error}.") from error
        self.say(f"{taken.folder}: {', '.join(taken.files)}")
        if taken.onnx_difference is None:
            self.say(f"No ONNX file: {taken.no_onnx}")
        else:
            self.say(f"The ONNX file gives the same vectors (largest difference {taken.onnx_difference:.1g}).")
        self.say(f"It comes back with: python manage.py register_model checkpoint:{taken.folder} --name NAME")
        return asdict(taken)
