"""`manage.py doctor`: what is embedded, what is reachable, what is missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import Failed
from evalapp.core.services.diagnosis import gather_findings


class Command(BaseCommand):
    help = "Say what is embedded, what is reachable and what is missing."
    offers_json = True

    def run(self, **options: Any) -> Any:
        all_findings = gather_findings()
        for finding in all_findings:
            mark = "ok " if finding.ok else "!! " if finding.needed else "-- "
            self.say(f"{mark} {finding.about:14} {finding.text}")
        wrong = [finding.about for finding in all_findings if finding.needed and not finding.ok]
        if wrong and not self.json:
            raise Failed(f"Not in order: {', '.join(wrong)}.")
        return {"ok": not wrong, "findings": [asdict(finding) for finding in all_findings]}
