"""Firefox and WebKit behind one face, as far as the tests of both need it: Selenium drives either.

Debian has no driver for Firefox: it is spoken to in WebDriver BiDi, which it understands by itself. WebKit is
Debian's MiniBrowser behind its driver, in a window on a screen that nobody sees.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import WebKitGTK, WebKitGTKOptions, WebKitGTKService
from selenium.webdriver.common.bidi.browsing_context import BrowsingContext
from selenium.webdriver.common.bidi.common import command_builder
from selenium.webdriver.common.bidi.input import Input
from selenium.webdriver.common.bidi.log import Log
from selenium.webdriver.common.bidi.script import Script
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.websocket_connection import WebSocketConnection

from tests import system

PATIENCE = 60.0
"""Seconds that a browser may take for anything."""
Pointer = Literal["mouse", "touch"]
Actions = list[dict[str, Any]]


class Engine(ABC):
    """A browser with one tab, in a profile that nobody has used."""

    pointers: tuple[Pointer, ...] = ("mouse",)

    def __init__(self) -> None:
        self.complaints: list[str] = []
        """Errors of the pages' console; a driven WebKit browses in private and tells nobody."""

    @abstractmethod
    def open(self, address: str) -> None:
        """Go there and wait until everything is loaded."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Make the page so large, in its own pixels."""

    @abstractmethod
    def reload(self) -> None:
        """Load the page again."""

    @abstractmethod
    def choose(self, selector: str, file: Path) -> None:
        """Put a file into a field for files."""

    @abstractmethod
    def _value(self, expression: str) -> str:
        """What the expression, which may be a promise, comes to, as JSON."""

    @abstractmethod
    def _perform(self, actions: Actions) -> None:
        """Input as the standard WebDriver writes it."""

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to in the page."""
        return json.loads(self._value(f"(async () => JSON.stringify((await ({expression})) ?? null))()"))

    def until(self, expression: str) -> None:
        """Wait until the expression is true."""
        end = time.monotonic() + PATIENCE
        problem = "it stays untrue"
        while time.monotonic() < end:
            # Between two pages there is none to ask.
            try:
                if self.value(f"Promise.resolve({expression}).then(Boolean)"):
                    return
            except WebDriverException as error:
                problem = str(error)
            time.sleep(0.05)
        raise AssertionError(f"{expression}: {problem}\n{self.value('document.body.innerText')}")

    def key(self, name: str) -> None:
        """Press a key; the long names are those of the standard, as ArrowLeft."""
        key = name if len(name) == 1 else getattr(Keys, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper())
        strokes = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._perform([{"type": "key", "id": "keyboard", "actions": strokes}])

    def click(self, selector: str) -> None:
        """Click in the middle of an element, which is brought into view."""
        at = self._middle(selector)
        self._point("mouse", [at], rest=20)

    def drag(self, selector: str, dx: int, pointer: Pointer = "mouse", steps: int = 8) -> None:
        """Grab an element in the middle, draw it aside, hold it still and let go."""
        x, y = self._middle(selector)
        self._point(pointer, [(x + dx * step // steps, y) for step in range(steps + 1)], rest=200)

    def _middle(self, selector: str) -> tuple[int, int]:
        """Of an element that has come to rest."""
        find = (
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            " one.scrollIntoView({ block: 'center', behavior: 'instant' });"
            " const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round); })()"
        )
        before, now = None, self.value(find)
        while before != now:
            time.sleep(0.1)
            before, now = now, self.value(find)
        return now[0], now[1]

    def _point(self, pointer: Pointer, way: list[tuple[int, int]], rest: int) -> None:
        moves = [{"type": "pointerMove", "x": x, "y": y, "duration": 20} for x, y in way]
        press, let_go = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        actions = [moves[0], press, *moves[1:], {"type": "pause", "duration": rest}, let_go]
        self._perform([{"type": "pointer", "id": pointer, "parameters": {"pointerType": pointer}, "actions": actions}])


class _Firefox(Engine):
    pointers = ("mouse", "touch")

    def __init__(self, connection: WebSocketConnection) -> None:
        super().__init__()
        connection.execute(command_builder("session.new", {"capabilities": {}}))
        self._tabs, self._script, self._input = BrowsingContext(connection), Script(connection), Input(connection)
        self._tab = self._tabs.get_tree()[0].context
        Log(connection).add_event_handler("entry_added", self._hear)

    def _hear(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error":
            self.complaints.append(str(entry["text"]))

    def open(self, address: str) -> None:
        self._tabs.navigate(self._tab, address, wait="complete")

    def resize(self, width: int, height: int) -> None:
        self._tabs.set_viewport(self._tab, {"width": width, "height": height})

    def reload(self) -> None:
        self._tabs.reload(self._tab, wait="complete")

    def choose(self, selector: str, file: Path) -> None:
        found = self._evaluate(f"document.querySelector({json.dumps(selector)})")
        self._input.set_files(self._tab, {"sharedId": found["sharedId"]}, [str(file)])

    def _value(self, expression: str) -> str:
        return str(self._evaluate(expression)["value"])

    def _evaluate(self, expression: str) -> dict[str, Any]:
        answer = self._script.evaluate(expression, {"context": self._tab}, await_promise=True)
        if answer["type"] == "exception":
            raise WebDriverException(answer["exceptionDetails"]["text"])
        return dict(answer["result"])

    def _perform(self, actions: Actions) -> None:
        self._input.perform_actions(self._tab, actions)


class _WebKit(Engine):
    def __init__(self, driver: WebKitGTK) -> None:
        super().__init__()
        self._driver = driver
        driver.set_script_timeout(PATIENCE)

    def open(self, address: str) -> None:
        self._driver.get(address)

    def resize(self, width: int, height: int) -> None:
        # Around the page the window has edges of its own.
        window = self._driver.get_window_size()
        inner = self.value("[innerWidth, innerHeight]")
        self._driver.set_window_size(width + window["width"] - inner[0], height + window["height"] - inner[1])
        self.until(f"innerWidth === {width} && innerHeight === {height}")

    def reload(self) -> None:
        self._driver.refresh()

    def choose(self, selector: str, file: Path) -> None:
        self._driver.find_element(By.CSS_SELECTOR, selector).send_keys(str(file))

    def _value(self, expression: str) -> str:
        script = f"({expression}).then((found) => arguments[0]([found]), (problem) => arguments[0](String(problem)))"
        found = self._driver.execute_async_script(script)
        if isinstance(found, str):
            raise WebDriverException(found)
        return str(found[0])

    def _perform(self, actions: Actions) -> None:
        self._driver.execute(Command.W3C_ACTIONS, {"actions": actions})


@contextmanager
def firefox(folder: Path) -> Iterator[Engine]:
    """Without a window."""
    log = folder / "firefox.log"
    command = [system.need("firefox"), "--headless", "--no-remote", "--profile", str(folder)]
    with _running([*command, "--remote-debugging-port=0", "about:blank"], {"HOME": str(folder)}, log):
        address = _told(log, r"WebDriver BiDi listening on (ws://\S+)")
        connection = WebSocketConnection(f"{address}/session", PATIENCE, 0.01)
        try:
            yield _Firefox(connection)
        finally:
            connection.close()


@contextmanager
def webkit(folder: Path) -> Iterator[Engine]:
    """In a window on a screen of its own."""
    driver, screen = system.need("webkit"), system.need("xvfb")
    shown = folder / "screen.log"
    with _running([screen, "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"], {}, shown):
        environment = {
            "DISPLAY": ":" + _told(shown, r"^(\d+)\n"),
            "HOME": str(folder),
            # Its sandbox wants rights that a container has not, and its drawing a graphics card.
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        browser = WebKitGTK(WebKitGTKOptions(), WebKitGTKService(driver, env={**os.environ, **environment}))
        try:
            yield _WebKit(browser)
        finally:
            browser.quit()


ENGINES = {"firefox": firefox, "webkit": webkit}


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _told(log: Path, pattern: str) -> str:
    """What a program has written about itself."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := re.search(pattern, log.read_text(errors="replace"), re.MULTILINE):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"It never said where it listens:\n{log.read_text(errors='replace')[-2000:]}")
