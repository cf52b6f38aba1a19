"""The service worker and the manifest, as the server gives them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client

from evalapp.core.domain.script_modules import bundled_script
from tests import system

STUB = """const self = { shell: { version: "1", files: [] }, location: { origin: "https://swipe.example" }, heard: [],
  addEventListener(name) { this.heard.push(name); } };
"""


def shell_of(script: str) -> dict[str, object]:
    found = re.match(r"self\.shell = (\{.*?\});\n", script)
    assert found
    shell: dict[str, object] = json.loads(found[1])
    return shell


def test_the_worker_speaks_for_the_whole_site_and_is_asked_for_anew_each_time() -> None:
    answer = Client().get("/service-worker.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    shell = shell_of(answer.content.decode())
    assert shell["votesUrl"] == "/api/v1/votes/"
    assert {"/static/js/pages/play.js", "/static/css/base.css", "/static/js/lib/outbox/sender.js"} <= set(
        shell["files"]
    )  # type: ignore[call-overload]


def test_it_runs_in_one_piece_and_listens(tmp_path: Path) -> None:
    script = tmp_path / "worker.js"
    listening = "\nconsole.log(self.heard.join());"
    script.write_text(STUB + bundled_script("workers/service") + listening, encoding="utf-8")
    done = subprocess.run([system.need("node"), str(script)], capture_output=True, text=True, timeout=60)
    assert done.stdout.split(",") == ["install", "activate", "fetch", "sync", "message\n"], done.stderr


def test_a_changed_file_makes_another_worker(settings: LazySettings, tmp_path: Path) -> None:
    plain = Client().get("/service-worker.js").content.decode()
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "evalapp.core.services.static_files.HashedFiles"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = Client().get("/service-worker.js").content.decode()
    assert shell_of(hashed)["version"] != shell_of(plain)["version"]
    for address in shell_of(hashed)["files"]:  # type: ignore[attr-defined]
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", address), address
        assert (tmp_path / address.removeprefix("/")).is_file(), address


def test_the_manifest_names_icons_that_exist(settings: LazySettings) -> None:
    answer = Client().get("/manifest.webmanifest")
    assert answer.headers["content-type"] == "application/manifest+json"
    described = answer.json()
    assert described["display"] == "standalone"
    for icon in described["icons"]:
        path = icon["src"].removeprefix("/static/")
        assert (Path(settings.STATICFILES_DIRS[0]) / path).is_file(), path
