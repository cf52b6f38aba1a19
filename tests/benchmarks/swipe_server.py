"""What a browser asks for while somebody swipes, from a server that costs next to nothing: the page is measured.

The play page, its scripts and its styles are the real ones; decks never end, and every vote is taken. `/floor/` is the
least a page can do to change cards: two layers that are painted already change places.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from PIL import Image  # noqa: E402

from evalapp.voting.pages.play_texts import play_words  # noqa: E402

PICTURES = 40
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}

FLOOR = """<!doctype html><meta charset="utf-8"><title>Floor</title>
<style>
  body { margin: 0; overflow: hidden; touch-action: none; }
  .card { position: absolute; inset: 1rem; z-index: 1; will-change: transform; background: white; contain: strict; }
  .card[data-place=top] { z-index: 2; }
  .card img { width: 100%; height: 50%; object-fit: contain; display: block; pointer-events: none; }
</style>
<div data-table>
  <div class="card" data-token="1" data-place="top"><img src="/pictures/1.webp"><img src="/pictures/2.webp"></div>
  <div class="card" data-token="2" data-place="next"><img src="/pictures/3.webp"><img src="/pictures/4.webp"></div>
</div>
<script>
  const [one, other] = document.querySelectorAll(".card");
  let [top_, under] = [one, other];
  const swap = () => {
    [top_, under] = [under, top_];
    top_.dataset.place = "top";
    under.dataset.place = "next";
    top_.style.transform = "";
  };
  let from = null;
  addEventListener("keydown", swap);
  addEventListener("pointerdown", (event) => { from = event.clientX; });
  addEventListener("pointermove", (event) => {
    if (from !== null) top_.style.transform = `translateX(${event.clientX - from}px)`;
  });
  addEventListener("pointerup", () => { from = null; swap(); });
</script>"""


@dataclass(slots=True)
class Study:
    """A study without end."""

    html: bytes
    picture: bytes
    numbers: Iterator[int] = field(default_factory=count)

    def deck(self) -> dict[str, Any]:
        """Ten pairs that nobody has seen."""
        return {"exposures": [_exposure(next(self.numbers)) for _ in range(10)], "exhausted": False}


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server that runs as long as the context."""
    with TemporaryDirectory() as folder:
        settings.STATIC_ROOT = folder
        yield from _serving()


def _serving() -> Iterator[str]:
    study = Study(_page().encode(), _picture())
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(study))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _handler(study: Study) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith(settings.STATIC_URL):
                path = self.path.removeprefix(settings.STATIC_URL)
                self._answer(_file(path), KINDS[Path(path).suffix], lasting=True, zipped=True)
            elif self.path.startswith("/pictures/"):
                self._answer(study.picture, "image/webp", lasting=True)
            elif self.path.startswith("/floor/"):
                self._answer(FLOOR.encode(), "text/html")
            elif self.path.startswith("/play/"):
                self._answer(study.html, "text/html; charset=utf-8")
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("/deck/"):
                answer = study.deck()
            else:
                votes = json.loads(body)["votes"]
                answer = {"results": [{"token": vote["token"], "status": "recorded"} for vote in votes]}
            self._answer(json.dumps(answer).encode(), "application/json")

        def _answer(self, body: bytes, kind: str, *, lasting: bool = False, zipped: bool = False) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if zipped:
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Cache-Control", "max-age=31536000, immutable" if lasting else "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def _exposure(number: int) -> dict[str, Any]:
    query, candidate = ({"image": f"/pictures/{(2 * number + one) % PICTURES}.webp"} for one in (0, 1))
    shown = {"width": 600, "height": 800, "alt": "Picture"}
    return {"token": f"token-{number}", "query": query | shown, "candidate": candidate | shown}


def _picture() -> bytes:
    """Some 65 kB, as a photograph of that size."""
    out = io.BytesIO()
    Image.effect_noise((600, 800), 8).convert("RGB").save(out, "WEBP", quality=70)
    return out.getvalue()


@cache
def _file(path: str) -> bytes:
    """Compressed, as the product serves its files."""
    return gzip.compress((Path(settings.STATIC_ROOT) / path).read_bytes())


def _page() -> str:
    # Collected as `serve` does it, with what a page needs in one file.
    call_command("collectstatic", interactive=False, verbosity=0)
    study = {"slug": "bench", "title": "Bench", "question": "Do these two match?", "mode": "swipe"}
    api = {name: f"/api/v1/{name}/" for name in ("deck", "votes", "undo", "yours")}
    shown = {"study": study, "api": api, "answered": 9, "stamp": "bench", "words": play_words(), "CSP_NONCE": "bench"}
    return render_to_string("voting/play.html", shown | {"request": RequestFactory().get("/play/bench/")})
