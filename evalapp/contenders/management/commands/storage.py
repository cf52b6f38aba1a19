"""`manage.py storage [--verify | --prune] [--json]`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.contenders.pipeline import vector_storage
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed


class Command(BaseCommand):
    help = "List the stored vectors with who needs them; check their checksums; delete what nobody needs."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--verify", action="store_true", help="read everything and compare checksums")
        wish.add_argument("--prune", action="store_true", help="delete what nobody needs; it can be computed again")

    def run(self, **options: Any) -> Any:
        if options["verify"]:
            return self._verify_shards()
        if options["prune"]:
            return self._prune_vectors()
        holdings = vector_storage.list_holdings()
        for holding in holdings:
            name = f"{holding.model or holding.fingerprint[:12]}.{holding.tap}"
            needed = ", ".join(holding.needed_by) or "nobody"
            self.say(
                f"{name:30} {holding.vectors:>10,} vectors {_size_text(holding.bytes):>10} "
                f"{'/'.join(holding.dtypes):8} {needed}"
            )
        if not holdings:
            self.say("No vectors are stored.")
        return [asdict(holding) for holding in holdings]

    def _verify_shards(self) -> Any:
        broken = vector_storage.broken_shards()
        for path, reason in broken:
            self.say(f"{path}: {reason}")
        if broken and not self.json:
            raise Failed(f"{len(broken)} shards are broken; delete their folders, and what is missing is made again.")
        self.say("All checksums are right.")
        return [{"path": path, "reason": reason} for path, reason in broken]

    def _prune_vectors(self) -> Any:
        gone = vector_storage.prune_vectors()
        for holding, freed in gone:
            self.say(f"{holding.model or holding.fingerprint[:12]}.{holding.tap}: {_size_text(freed)} freed.")
        self.say(f"{_size_text(sum(freed for _, freed in gone))} freed in all.")
        return [{"model": holding.model, "tap": holding.tap, "freed": freed} for holding, freed in gone]


def _size_text(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
