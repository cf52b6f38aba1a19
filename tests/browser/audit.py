"""What a page owes to everybody, checked by a script in the page: names, headings, language, contrast."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

_AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")


def faults_of(page: Page) -> list[str]:
    """What is wrong with the page as it is shown now, in words."""
    faults: list[str] = page.evaluate(_AUDIT)
    return faults


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wider
