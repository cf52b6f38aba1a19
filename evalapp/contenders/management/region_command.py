"""What register_locator and register_masker share."""

from __future__ import annotations

from typing import Any

from evalapp.contenders.models import RegionNetwork
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from models_registry.regions import region_options


class RegionCommand(BaseCommand):
    """`SPEC --name NAME` and how pictures are made ready for it."""

    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("spec", help="onnx:FILE")
        parser.add_argument("--name", required=True, help="what indexes call it")
        parser.add_argument("--size", help="side of the input in pixels, where the network leaves it open")
        parser.add_argument("--resize", choices=("squash", "letterbox"))
        parser.add_argument("--interpolation", choices=("nearest", "bilinear", "bicubic", "lanczos"))
        parser.add_argument("--mean", help="one number or three, on pictures scaled to 0…1")
        parser.add_argument("--std", help="one number or three")
        parser.add_argument("--channels", choices=("rgb", "bgr"))
        parser.add_argument("--outputs", help="the outputs to read, comma-separated, where several could be meant")

    def service_arguments(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the service is asked for."""
        return {"source": options["spec"], "name": options["name"], "options": region_options(options)}

    def report_network(self, row: RegionNetwork, is_new: bool) -> dict[str, Any]:
        """What came of it, said and returned."""
        outputs = ", ".join(row.spec["outputs"])
        height, width = row.spec["preprocess"]["size"]
        outcome = "registered" if is_new else "known already"
        self.say(f"{row.name}: {outcome}; reads {width} x {height}, writes {outputs} ({row.spec['layout']}).")
        return {"kind": row.kind, "name": row.name, "new": is_new, "fingerprint": row.fingerprint, "spec": row.spec}
