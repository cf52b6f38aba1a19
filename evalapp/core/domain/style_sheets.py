"""The style sheets of pages whose first look has to come at once: their files, and the one that holds all of them."""

from __future__ import annotations

SHEETS: dict[str, tuple[str, ...]] = {
    "play": (
        "reset",
        "tokens",
        "base",
        "components/bar",
        "components/button",
        "components/play",
        "components/table",
        "components/card",
        "components/controls",
        "components/dialog",
        "components/lens",
        "utilities",
    )
}
"""By page, in the order in which they are linked."""


def sheet_path(page: str) -> str:
    """Where the sheets of a page lie together among the static files."""
    return f"css/bundles/{page}.css"
