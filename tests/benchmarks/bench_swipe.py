"""From the swipe to the next card on the screen, in a real Chromium whose processor is made four times slower.

The page, its scripts and its styles are the real ones; the server is played by the browser driver, so that nothing but
the page is measured. `bare` is one frame of the screen, 1/60 s; `ours` is the time from the key (or the finger's
leaving the glass) to the end of the frame in which the next card lies on top.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Page, Route, sync_playwright  # noqa: E402

from evalapp.voting.words import play_words  # noqa: E402
from tests import system  # noqa: E402
from tests.benchmarks.harness import Row, print_table  # noqa: E402

FRAME_MS = 1000 / 60
SLOWER = 4
SWIPES = 120
ORIGIN = "http://swipe.localhost"
FLAGS = ["--no-sandbox", "--disable-gpu"]

_WATCH = """() => {
  window.took = [];
  let begun = 0;
  const begin = (event) => { begun = event.timeStamp; };
  document.addEventListener("keydown", begin, true);
  document.addEventListener("pointerup", begin, true);
  let top = "";
  new MutationObserver(() => {
    const now = document.querySelector(".card[data-place=top]")?.dataset.token ?? "";
    if (!now || now === top) return;
    const first = top === "";
    top = now;
    if (first || !begun) return;
    const since = begun;
    // The task after a frame's callbacks runs when the frame has been drawn.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.took.push(performance.now() - since);
      port2.postMessage(0);
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
PHONE = {"width": 390, "height": 844}


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system.need("chromium"), args=FLAGS)
        rows = []
        for name, swipe in (("by key", _by_key), ("by finger", _by_finger)):
            times = sorted(_measure(browser.new_page(viewport=PHONE), swipe))
            p99 = times[min(len(times) - 1, round(0.99 * len(times)))]
            rows += [
                _row(f"next card drawn, {name}, median", statistics.median(times), FRAME_MS),
                _row(f"next card drawn, {name}, p99", p99, 50.0),
            ]
        largest, shifts = _first_paint(browser.new_page(viewport=PHONE))
        rows.append(_row("largest contentful paint", largest, 2500.0))
        browser.close()
    print(f"Layout shift while the page loads and five pairs are answered: {shifts:.4f}")
    print_table(f"Swipe to the next card drawn: {SWIPES} swipes, processor {SLOWER} times slower", rows)


def _row(name: str, value: float, bound: float) -> Row:
    return Row(name, value, FRAME_MS, "ms", value / FRAME_MS, f"at most {bound:.3g} ms", value <= bound)


def _measure(page: Page, swipe: Callable[[Page], None]) -> list[float]:
    page.route("**/*", _server())
    page.goto(f"{ORIGIN}/play/bench/")
    page.wait_for_selector(".card[data-place=top]")
    page.evaluate(_WATCH)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    for _ in range(SWIPES):
        page.wait_for_selector(".card[data-place=next]", state="attached")
        swipe(page)
        page.wait_for_timeout(120)
    times: list[float] = page.evaluate("window.took")
    return times


def _first_paint(page: Page) -> tuple[float, float]:
    """Milliseconds until the largest picture is painted, and the sum of all layout shifts, five answers later."""
    page.route("**/*", _server())
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(f"{ORIGIN}/play/bench/")
    page.wait_for_selector(".card[data-place=top]")
    for _ in range(5):
        page.wait_for_timeout(200)
        _by_key(page)
    largest, shifts = page.evaluate(_PAINTED)
    return largest, shifts


def _by_key(page: Page) -> None:
    page.keyboard.press("ArrowRight")


def _by_finger(page: Page) -> None:
    page.mouse.move(195, 300)
    page.mouse.down()
    page.mouse.move(370, 300, steps=6)
    page.mouse.up()


def _server() -> Callable[[Route], None]:
    """A study without end."""
    numbers = count()
    html = _page()
    picture = _picture()

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path.startswith("/static/"):
            route.fulfill(path=_file(path.removeprefix(settings.STATIC_URL)))
        elif path.startswith("/pictures/"):
            route.fulfill(body=picture, content_type="image/webp", headers={"cache-control": "max-age=31536000"})
        elif path.endswith("/deck/"):
            exposures = [_exposure(next(numbers)) for _ in range(10)]
            route.fulfill(json={"exposures": exposures, "exhausted": False})
        elif path.endswith("/votes/"):
            votes = json.loads(route.request.post_data or "{}")["votes"]
            route.fulfill(json={"results": [{"token": vote["token"], "status": "recorded"} for vote in votes]})
        elif path.startswith("/play/"):
            route.fulfill(body=html, content_type="text/html")
        else:
            route.fulfill(status=404)

    return answer


def _exposure(number: int) -> dict[str, Any]:
    shown = {"image": f"/pictures/{number % 40}.webp", "width": 600, "height": 800, "alt": "Picture"}
    return {"token": f"token-{number}", "query": shown, "candidate": shown}


def _picture() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((600, 800), 40).convert("RGB").save(out, "WEBP", quality=70)
    return out.getvalue()


def _file(path: str) -> Path:
    return next(found for folder in settings.STATICFILES_DIRS if (found := Path(folder) / path).exists())


def _page() -> str:
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    study = {"slug": "bench", "title": "Bench", "question": "Do these two match?", "mode": "swipe"}
    api = {name: f"/api/v1/{name}/" for name in ("deck", "votes", "undo", "yours")}
    shown = {"study": study, "api": api, "answered": 9, "total": 0, "words": play_words(), "CSP_NONCE": "bench"}
    return render_to_string("voting/play.html", shown | {"request": RequestFactory().get("/play/bench/")})


if __name__ == "__main__":
    main()
