"""`python -m models_registry`: the list of encoders, and published weights put in place."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from models_registry import registry, weights
from models_registry.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 the work failed, 2 the arguments are invalid (argparse's own exit)."""
    options = _build_parser().parse_args(arguments)
    try:
        if options.command == "list":
            _print_families(as_json=options.json)
        else:
            _fetch_and_print(options.name, options.file, options.dir, as_json=options.json)
    except EncoderError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'The weights'}: {error.strerror or error}.", file=sys.stderr)
        return 1
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_registry", description="Encoders and their weights.")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="the encoders there are")
    fetching = commands.add_parser("fetch", help="put published weights in place, their hash checked")
    fetching.add_argument("name", choices=sorted(weights.PUBLISHED))
    fetching.add_argument("--file", type=Path, help="a copy at hand, instead of the network")
    fetching.add_argument(
        "--dir", type=Path, help=f"where to put it (default: ${weights.DIRECTORY_VARIABLE}, else var/weights)"
    )
    for command in (listing, fetching):
        command.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser


def _print_families(*, as_json: bool) -> None:
    entries = registry.list_families()
    if as_json:
        print(json.dumps([{"name": e.name, "usage": e.usage, "summary": e.summary} for e in entries], indent=2))
        return
    width = max(len(entry.usage) for entry in entries)
    for entry in entries:
        print(f"{entry.usage.ljust(width)}  {entry.summary}")


def _fetch_and_print(name: str, file: Path | None, into: Path | None, *, as_json: bool) -> None:
    fetched = weights.fetch_weights(name, file=file, into=into, on_progress=_show_progress)
    if as_json:
        print(json.dumps({**asdict(fetched), "path": str(fetched.path)}, indent=2))
    else:
        print(f"{fetched.path}  {fetched.size:,} bytes  SHA-256 {fetched.sha256}")


def _show_progress(done: int, total: int | None) -> None:
    """A line that counts up, on a terminal only."""
    if sys.stderr.isatty():
        share = f" {100 * done // total} %" if total else ""
        end = "\n" if done == total else ""
        print(f"\r{done / 1e6:,.0f} MB{share}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
