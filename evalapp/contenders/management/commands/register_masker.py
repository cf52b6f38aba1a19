"""`manage.py register_masker SPEC --name NAME`."""

from __future__ import annotations

from typing import Any

from evalapp.contenders.management.region_command import RegionCommand
from evalapp.contenders.services.region_registration import register_region
from evalapp.core.management.command_base import CommandParser


class Command(RegionCommand):
    help = "Register your own mask network: an index that uses it sees pictures without their background."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--least-score", help="where the mask is below it, the picture is blanked (0.5)")

    def run(self, **options: Any) -> Any:
        return self.report_network(*register_region("masker", **self.service_arguments(options)))
