"""axe-core in a page: what it finds wrong, in words. A tool of the tests only; visitors never get it."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const words = ({ target, failureSummary }) => [String(target), failureSummary];
  return violations.map(({ id, nodes }) => [id, nodes.map(words)]);
}"""


def violations_of(page: Page) -> list[str]:
    """Every violation of axe's rules on the page as it is shown now: the rule, the element, and what to do."""
    page.evaluate(_AXE)
    found: list[Any] = page.evaluate(_RUN)
    return [f"{rule}: {target}: {' '.join(words.split())}" for rule, nodes in found for target, words in nodes]
