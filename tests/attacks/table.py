"""The table of attacks in docs/voting.md, from what `make attacks` found: `python -m tests.attacks.table [--write]`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tests.attacks import FOUND

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "voting.md"
_HEAD = "| attack | bound | found |\n|---|---|---|\n"


def table(lines: dict[str, tuple[str, str]]) -> str:
    """Markdown, a line for each attack."""
    return _HEAD + "".join(f"| {attack} | {bound} | {found} |\n" for attack, (bound, found) in lines.items())


def lines_in(text: str) -> dict[str, tuple[str, str]]:
    """The attacks that the document tells of."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", _body(text), re.MULTILINE)
    return {attack: (bound, found) for attack, bound, found in rows}


def _body(text: str) -> str:
    begin = text.index(_HEAD) + len(_HEAD)
    return text[begin : text.index("\n\n", begin) + 1]


def main() -> None:
    """Lines that were not measured anew stay as they are."""
    text = DOCUMENT.read_text(encoding="utf-8")
    anew: dict[str, tuple[str, str]] = json.loads(FOUND.read_text(encoding="utf-8"))
    lines = {**lines_in(text), **anew}
    if "--write" in sys.argv:
        DOCUMENT.write_text(text.replace(_HEAD + _body(text), table(lines)), encoding="utf-8")
    else:
        sys.stdout.write(table(lines))


if __name__ == "__main__":
    main()
