"""`manage.py register_locator SPEC --name NAME`."""

from __future__ import annotations

from typing import Any

from evalapp.contenders.management.region_command import RegionCommand
from evalapp.contenders.services.region_registration import register_region
from evalapp.core.management.command_base import CommandParser


class Command(RegionCommand):
    help = "Register your own detector: its boxes are suggested to whoever searches, and never forced."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--boxes", choices=("shares", "pixels"), help="of the input's sides, or its pixels")
        parser.add_argument("--corners", choices=("xyxy", "yxyx", "xywh", "cxcywh"), help="the order they come in")
        parser.add_argument("--least-score", help="boxes below it are not suggested (0.3)")

    def run(self, **options: Any) -> Any:
        return self.report_network(*register_region("locator", **self.service_arguments(options)))
