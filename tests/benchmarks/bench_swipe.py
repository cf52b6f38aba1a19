"""From the swipe to the next card on the screen, in a real Chromium whose page is made four times slower.

All times are taken inside the page, from the moment in which the browser got the key or saw the finger leave the
glass: `drawn` until the page has drawn the frame in which the next card lies on top, `shown` until the screen shows
that frame, as the browser tells it in steps of 8 ms. What is drawn is put on the screen by the processor here, which no
page can help; so a floor is measured in turns with the product: a page that does nothing but let two painted layers
change places.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests import system
from tests.benchmarks.harness import Row, at_most, print_table
from tests.benchmarks.swipe_server import serving

FRAME_MS = 1000 / 60
STEP_MS = 8.0
SLOWER = 4
ROUNDS = 3
SWIPES = 30
#: People look at a pair; the fastest take about this long.
PAUSE_MS = 400
FLAGS = ["--no-sandbox", "--disable-gpu"]
PHONE = {"width": 390, "height": 844}
LOADS = 5
#: 150 ms there and back, 1.6 Mbit/s: a phone far from its mast.
SLOW_LINE = {"latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 93_750}

Hand: TypeAlias = Literal["key", "finger"]
HANDS: tuple[Hand, ...] = ("key", "finger")
PARTS = [*HANDS, "load"]

_WATCH = """() => {
  window.drawn = [];
  window.shown = [];
  let begun = 0;
  const begin = (event) => { begun = event.timeStamp; };
  addEventListener("keydown", begin, true);
  addEventListener("pointerup", begin, true);
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) {
      if (name === "keydown" || name === "pointerup") window.shown.push(duration);
    }
  }).observe({ type: "event", durationThreshold: 16 });
  const token = () => document.querySelector(".card[data-place=top]")?.dataset.token ?? "";
  let top = token();
  new MutationObserver(() => {
    const now = token();
    if (!now || now === top) return;
    top = now;
    const since = begun;
    // A task of the highest rank runs as soon as the page has drawn the frame, before what it put off until then.
    requestAnimationFrame(() => {
      scheduler.postTask(() => window.drawn.push(performance.now() - since), { priority: "user-blocking" });
    });
  }).observe(document.querySelector("[data-table]"), { subtree: true, childList: true, attributes: true });
}"""

_PAINTED = """() => new Promise((resolve) => {
  let [largest, shifts] = [0, 0];
  const watch = (type, seen) =>
    new PerformanceObserver((list) => list.getEntries().forEach(seen)).observe({ type, buffered: true });
  watch("largest-contentful-paint", (entry) => { largest = entry.startTime; });
  watch("layout-shift", (entry) => { shifts += entry.value; });
  setTimeout(() => resolve([largest, shifts]), 1000);
})"""


@dataclass(slots=True)
class Times:
    """Milliseconds of swipes."""

    drawn: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # Where nothing is named, argparse of Python 3.11 looks for the whole empty list among the choices.
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="{key,finger,load}")
    parts = parser.parse_args().parts or PARTS
    with serving() as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system.need("chromium"), args=FLAGS)
        rows = [row for hand in HANDS if hand in parts for row in _swiping(browser, origin, hand)]
        rows += _loading(browser, origin) if "load" in parts else []
        browser.close()
    print_table(f"Swipe to the next card over the floor: {ROUNDS * SWIPES} swipes, {SLOWER} times slower", rows)


def _swiping(browser: Browser, origin: str, hand: Hand) -> list[Row]:
    ours, floor = Times(), Times()
    for _ in range(ROUNDS):
        _measure(browser, f"{origin}/play/bench/", hand, ours)
        _measure(browser, f"{origin}/floor/", hand, floor)
    return [
        *_rows(f"by {hand}, drawn", ours.drawn, floor.drawn, targets=(FRAME_MS, 50.0)),
        *_rows(f"by {hand}, shown", ours.shown, floor.shown, targets=None),
    ]


def _loading(browser: Browser, origin: str) -> list[Row]:
    """The largest paint over its target, and how much the page moves meanwhile."""
    rows = []
    for name, line in (("", {}), (", slow line", SLOW_LINE)):
        loads = [_first_paint(browser, f"{origin}/play/bench/", line) for _ in range(LOADS)]
        largest = statistics.median(largest for largest, _ in loads)
        rows.append(at_most(f"largest contentful paint{name}", largest, 2500.0, "ms", 1.0))
    print(f"Layout shift while the page loads and five pairs are answered: {max(shifts for _, shifts in loads):.4f}")
    return rows


def _rows(name: str, ours: list[float], floor: list[float], targets: tuple[float, float] | None) -> list[Row]:
    kinds: tuple[tuple[str, Callable[[list[float]], float]], ...] = (("median", statistics.median), ("p99", _p99))
    rows = []
    for (kind, of), bound in zip(kinds, targets or (None, None), strict=True):
        value, bare = of(ours), of(floor)
        target, met = (f"at most {bound:.3g} ms", value <= bound) if bound else ("", None)
        rows.append(Row(f"{name}, {kind}", value, bare, "ms", value / bare, target, met))
    return rows


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, round(0.99 * len(times)))]


def _measure(browser: Browser, address: str, hand: Hand, times: Times) -> None:
    """A visitor who swipes, in a profile of their own; the first swipes are not counted."""
    context, page, session = _visit(browser)
    page.goto(address)
    page.wait_for_selector(".card[data-place=next]")
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    for _ in range(3):
        page.wait_for_timeout(PAUSE_MS)
        _swipe(page, session, hand)
    page.wait_for_timeout(PAUSE_MS)
    page.evaluate(_WATCH)
    for _ in range(SWIPES):
        page.wait_for_timeout(PAUSE_MS)
        _swipe(page, session, hand)
    page.wait_for_timeout(PAUSE_MS)
    drawn, shown = page.evaluate("[window.drawn, window.shown]")
    # The browser tells of nothing that was shown sooner than in 16 ms.
    times.drawn += drawn
    times.shown += shown + [STEP_MS] * (len(drawn) - len(shown))
    context.close()


def _first_paint(browser: Browser, address: str, line: dict[str, int]) -> tuple[float, float]:
    """Milliseconds until the largest picture is painted, and the sum of all layout shifts, five answers later."""
    context, page, session = _visit(browser)
    if line:
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", {"offline": False, **line})
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(address)
    page.wait_for_selector(".card[data-place=next]")
    for _ in range(5):
        page.wait_for_timeout(PAUSE_MS)
        _swipe(page, session, "key")
    largest, shifts = page.evaluate(_PAINTED)
    context.close()
    return largest, shifts


def _visit(browser: Browser) -> tuple[BrowserContext, Page, CDPSession]:
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, service_workers="block")
    page = context.new_page()
    return context, page, context.new_cdp_session(page)


def _swipe(page: Page, session: CDPSession, hand: Hand) -> None:
    if hand == "key":
        page.keyboard.press("ArrowRight", delay=80)
        return
    for kind, x in (("touchStart", 195), *(("touchMove", 195 + step * 30) for step in range(1, 6)), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": 300}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(16)


if __name__ == "__main__":
    main()
