"""A stranger's machine, in a network of its own: `unshare --net --mount -- env -i … python -m tests.journeys.…`.

Nothing that a developer's machine happens to have may help. There is no network but loopback, and on it, where a broker
or a database would be, listens a trap. The product's processes get no variable but a few of their own, no program but
those of the system's administration, an empty home, no sockets of services, no fonts while the demo is drawn, and of
the virtual environment only what requirements.txt asks for. Prints one JSON document: what was begun by which door, how
long it waited, how it ended, and whom the trap caught.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import re
import socket
import struct
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.conftest import CHROMIUM_FLAGS, REPOSITORY
from tests.journeys.installation import Installation
from tests.training.conftest import draw

TRAPS = (5672, 6379, 5432)
"""Where RabbitMQ, Redis and PostgreSQL listen on the machines of developers."""
_HIDDEN = ("/run/postgresql", "/run/redis", "/run/rabbitmq", "/run/mysqld")
_FONTS = "/usr/share/fonts"
_QUICK = {"epochs": 2, "hidden": 16, "validation_share": 0.2, "test_share": 0.3}

UNFOLD = "document.querySelectorAll('details').forEach((one) => (one.open = true))"
"""Fields that few need lie in folds."""


def main() -> None:
    """Everything, by every door."""
    var, chromium = Path(sys.argv[1]), sys.argv[2]
    _raise_loopback()
    for folder in _HIDDEN:
        _hide(folder)
    trap = Trap()
    trap.listen()
    with receiver() as hook:
        stay = Stay(Installation(var, _environment(var)), hook.address, chromium)
        stay.go()
        print(json.dumps({"begun": stay.begun, "pings": hook.pings, "caught": trap.caught}))


def _environment(var: Path) -> dict[str, str]:
    home = var.with_name("home")
    guard = var.with_name("guard")
    write_guard(guard)
    # `useradd` makes the user that PostgreSQL runs as for root; nothing else is called by name.
    return {
        "PATH": "/usr/sbin:/sbin",
        "HOME": str(home),
        "PYTHONPATH": str(guard),
        "WEBHOOK_PRIVATE_HOSTS": "127.0.0.1",
    }


def write_guard(folder: Path) -> None:
    """A folder that, on PYTHONPATH, hides what only this virtual environment has."""
    folder.mkdir()
    absent = sorted(_modules_nobody_asked_for())
    (folder / "sitecustomize.py").write_text(_GUARD.format(absent=absent), encoding="utf-8")


_GUARD = """
import sys

class _WithoutThem:
    absent = frozenset({absent})

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, *words):
        return None if name.partition(".")[0] in self.absent else self.finder.find_spec(name, *words)

sys.meta_path[:] = map(_WithoutThem, sys.meta_path)
"""


def _modules_nobody_asked_for() -> set[str]:
    """Top-level modules of packages that neither requirements.txt nor the set `train` names or needs: a contributor's
    tools, and the sets that this journey does without."""
    wanted: set[str] = set()
    lists = ("requirements.txt", "requirements/train.txt")
    lines = [line for name in lists for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines()]
    waiting = [re.split(r"[\[=<>~! ;]", line)[0] for line in lines if re.match(r"[A-Za-z]", line)]
    while waiting:
        name = _plain(waiting.pop())
        if name in wanted:
            continue
        wanted.add(name)
        try:
            needed = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        waiting += [re.split(r"[\[=<>~! ;(]", line)[0] for line in needed if "extra ==" not in line]
    kept, others = set[str](), set[str]()
    for found in distributions():
        (kept if _plain(found.metadata["Name"]) in wanted else others).update(_top_levels(found))
    return others - kept - {"pip", "tests"}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _top_levels(found: Distribution) -> set[str]:
    parts = {str(file).split("/")[0] for file in found.files or [] if str(file).endswith((".py", ".so"))}
    return {part.partition(".")[0] for part in parts if not part.startswith((".", "_"))} - {"__pycache__"}


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        name, up, set_flags = b"lo", 0x1 | 0x40, 0x8914
        fcntl.ioctl(probe, set_flags, struct.pack("16sh14x", name, up))


def _hide(folder: str) -> None:
    """An empty folder in its place, for this machine's processes only."""
    if Path(folder).is_dir():
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", folder.encode(), b"tmpfs", 0, b"size=1m") != 0:
            raise OSError(ctypes.get_errno(), f"{folder} cannot be hidden")


def _show(folder: str) -> None:
    if Path(folder).is_dir():
        ctypes.CDLL(None).umount(folder.encode())


@dataclass
class Trap:
    """Takes every connection to the ports of services that are not there, and remembers it."""

    caught: list[str] = field(default_factory=list)

    def listen(self) -> None:
        for port in TRAPS:
            listener = socket.create_server(("127.0.0.1", port))
            threading.Thread(target=self._watch, args=(listener, port), daemon=True).start()

    def _watch(self, listener: socket.socket, port: int) -> None:
        while True:
            connection, _ = listener.accept()
            connection.settimeout(1)
            try:
                said = connection.recv(64)
            except OSError:
                said = b""
            self.caught.append(f"{port}: {said!r}")
            connection.close()


@dataclass
class Receiver:
    """An operator's program that webhooks call."""

    address: str
    pings: list[float] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One that listens for the length of the block."""
    found = Receiver("")

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.pings.append(time.monotonic())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    found.address = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()


@dataclass
class Stay:
    """The days of an operator, from an empty folder on."""

    there: Installation
    hook: str
    chromium: str
    begun: list[dict[str, Any]] = field(default_factory=list)
    token: str = ""
    address: str = ""

    def go(self) -> None:
        self._draw_the_demo()
        with self.there.serving() as self.address:
            self.token = self.there.run("shell", "-v", "0", "-c", _TOKEN).stdout.split()[-1]
            self._by_http()
            self._by_button()
        self._by_command()

    def _draw_the_demo(self) -> None:
        """The one thing that draws texts and pictures by itself, without a font on the machine."""
        _hide(_FONTS)
        self._command("draw_demo", str(self.there.var.with_name("drawn")), "--products", "15")
        table = draw(self.there.var.with_name("pictures"), products=24, pictures=3)
        self._command("demo", "--no-serve", "--images", str(table))
        _show(_FONTS)

    def _by_command(self) -> None:
        table = draw(self.there.var.with_name("more"), products=8, pictures=2, seed=1)
        self._command("import_catalogue", "more", str(table))
        self._command("register_model", "colour-histogram", "--name", "other")
        self._command("create_study", "third", "--catalogue", "mine", "--contender", "other:l2", "--queries", "12")
        self._command("precompute", "third", "--wait")
        self._command("evaluate", "third")
        self._command("export", "mine", "--output", str(self.there.var.with_name("votes")))
        settings = [word for name, value in _QUICK.items() for word in ("--set", f"{name}={value}")]
        train = ("train", "mine", "--recipe", "retrain", "--base", "tiny", "--name", "learnt-1")
        self._command(*train, *settings, "--wait")
        self._command("retrain", "mine", "--name", "child-1", "--from", "tiny.fc7", "--set", "folds=2", "--wait")
        self._command("draw_map", "mine", "tiny.fc7", "--items", "20", "--wait")
        self._command("robustness", "mine", "--queries", "5")
        self._command("doctor")

    def _command(self, *words: str) -> None:
        since = time.monotonic()
        self.there.run(*words)
        took = time.monotonic() - since
        self.begun.append({"door": "command", "job": words[0], "waited": 0.0, "took": took, "state": "done"})

    def _by_http(self) -> None:
        self.there.run("simulate_votes", "mine", "--votes", "300", "--voters", "10", "--taste", "category:0.9,0.2")
        picture = next(self.there.var.with_name("pictures").glob("*.png"))
        self._upload("mine", picture)
        draft = {"slug": "first", "catalogue": "mine", "contenders": ["tiny.fc7:l2"], "queries": 10}
        self._ask("POST", "studies/", draft)
        self._http("precompute", "studies/first/precompute/")
        self._ask("GET", "studies/first/scores/")
        self._http("export", "exports/", {"study": "mine", "format": "parquet"})
        learn = {"recipe": "retrain", "base": "tiny", "settings": _QUICK}
        self._http("train", "training-runs/", {"catalogue": "mine", "name": "learnt-2", **learn})
        again = {"recipe": "adapter", "sources": ["tiny.fc7"], "settings": {"folds": 2}}
        self._http("retrain", "training-runs/", {"study": "mine", "name": "child-2", **again})
        made = self._ask("POST", "webhooks/", {"url": self.hook, "events": ["study.closed"]})
        self._ask("POST", f"webhooks/{made['id']}/ping/")

    def _http(self, job: str, path: str, body: Any = None) -> None:
        self._job("http", job, lambda: self._ask("POST", path, body))

    def _by_button(self) -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=self.chromium, args=CHROMIUM_FLAGS)
            page = browser.new_page()
            page.set_default_timeout(20_000)
            self._sign_in(page)
            self._study(page)
            self._button(page, "precompute", "/lab/studies/second/", "Compute")
            self._button(page, "export", "/lab/exports/", "Export")
            self._button(page, "map", "/lab/maps/", "Draw", items="20")
            self._button(page, "robustness", "/lab/studies/mine/robustness/", "Measure")
            fields = {"study": "mine", "recipe": "calibrate", "name": "child-3", "sources": "tiny.fc7"}
            self._button(page, "retrain", "/lab/training/", "Learn", **fields)
            page.goto(f"{self.address}/lab/webhooks/")
            page.get_by_role("button", name="Send a ping").first.click()
            page.wait_for_load_state()
            browser.close()

    def _sign_in(self, page: Page) -> None:
        password = (self.there.var / "operator-password").read_text(encoding="ascii").strip()
        page.goto(f"{self.address}/admin/login/?next=/lab/")
        page.fill("[name=username]", "operator")
        page.fill("[name=password]", password)
        page.click("[type=submit]")
        page.wait_for_url("**/lab/")

    def _study(self, page: Page) -> None:
        page.goto(f"{self.address}/lab/studies/new/")
        page.evaluate(UNFOLD)
        for name, value in {"title": "Second", "slug": "second", "queries": "10"}.items():
            page.fill(f"[name={name}]", value)
        page.check("[name=contenders][value='tiny.fc6:l2']", force=True)
        page.get_by_role("button", name="Draft the study").click()
        page.wait_for_url("**/lab/studies/second/")

    def _button(self, page: Page, job: str, path: str, button: str, **fields: str) -> None:
        page.goto(self.address + path)
        page.evaluate(UNFOLD)
        for name, value in fields.items():
            field = page.locator(f"main [name={name}]")
            is_choice = field.evaluate("field => field.tagName") == "SELECT"
            field.select_option(value) if is_choice else field.fill(value)
        self._job("button", job, page.get_by_role("button", name=button, exact=True).first.click)

    def _job(self, door: str, name: str, begin: Callable[[], object]) -> None:
        """Begin a job and follow it: how long until a worker had it, and how it ended."""
        before = {job["id"] for job in self._jobs()}
        since = time.monotonic()
        begin()
        waited = -1.0
        while time.monotonic() < since + 120:
            new = [job for job in self._jobs() if job["id"] not in before]
            if new and waited < 0 and new[-1]["state"] != "pending":
                waited = time.monotonic() - since
            if new and all(job["finished_at"] for job in new):
                break
            time.sleep(0.1)
        found = new[-1] if new else {"state": "never asked for", "error": ""}
        took = time.monotonic() - since
        self.begun.append(
            {
                "door": door,
                "job": name,
                "waited": waited,
                "took": took,
                "state": found["state"],
                "error": found["error"],
            }
        )

    def _jobs(self) -> list[dict[str, Any]]:
        return list(self._ask("GET", "jobs/?limit=200")["jobs"])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/api/v1/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def _upload(self, catalogue: str, picture: Path) -> None:
        border = "bare-machine"
        body = (
            (
                f'--{border}\r\nContent-Disposition: form-data; name="key"\r\n\r\nuploaded\r\n'
                f'--{border}\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
            ).encode()
            + picture.read_bytes()
            + f"\r\n--{border}--\r\n".encode()
        )
        headers = {
            "Authorization": f"Token {self.token}",
            "Content-Type": f"multipart/form-data; boundary={border}",
        }
        address = f"{self.address}/api/v1/catalogues/{catalogue}/items/"
        urllib.request.urlopen(urllib.request.Request(address, body, headers, method="POST"), timeout=60).close()


_TOKEN = (
    "from django.contrib.auth import get_user_model; from rest_framework.authtoken.models import Token;"
    " print(Token.objects.create(user=get_user_model().objects.get()).key)"
)


if __name__ == "__main__":
    main()
