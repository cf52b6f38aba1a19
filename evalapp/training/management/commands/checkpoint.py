"""`manage.py checkpoint MODEL --output DIR`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.plots.plot_texts import ENGLISH
from evalapp.training.pipeline.backbone_report import measuring_pictures
from evalapp.training.queries.training_runs import checkpoint_of
from models_registry.errors import EncoderError


class Command(BaseCommand):
    help = "Take a trained encoder away: weights, preprocessing, card, base network, and one ONNX file of it all."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="a registered model that was trained")
        parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new or empty folder")
        parser.add_argument(
            "--quantise", action="store_true", help="also in 8-bit numbers, with its loss measured on the catalogue"
        )

    def run(self, **options: Any) -> Any:
        from models_registry.training.common.export_bundle import take_away

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
        return {**asdict(taken), "quantised": self._export_quantised(options) if options["quantise"] else None}

    def _export_quantised(self, options: dict[str, Any]) -> dict[str, Any]:
        from models_registry.training.common.quantised_export import quantise_encoder

        pictures, categories = measuring_pictures(options["model"])
        try:
            quantised = quantise_encoder(options["output"], pictures, categories)
        except EncoderError as error:
            raise Failed(str(error)) from error
        moved, same = ENGLISH.share(quantised.moved, 1), ENGLISH.share(quantised.same_first, 1)
        self.say(
            f"{quantised.file}: {quantised.bytes / 1e6:.1f} MB instead of {quantised.exact_bytes / 1e6:.1f}. "
            f"On {quantised.pictures} pictures vectors moved by {moved} of their length, "
            f"and {same} of first neighbours stayed the same."
        )
        if quantised.category_match is not None:
            self.say(f"Category match {quantised.category_match:.3f} instead of {quantised.exact_category_match:.3f}.")
        return asdict(quantised)
