"""What `serve` takes of the memory: all its processes at rest, and a web process when every page was looked at.

At rest is half a minute after the start, with a small study that has votes. Shared pages count by share (PSS) in the
sum of all processes, and wholly (RSS) in what one web process has. The embedded PostgreSQL belongs to the sum. The
processes find only packages that an installation has: Django REST framework loads what contributors have besides.

Run: python tests/benchmarks/bench_memory.py [--quick]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.harness import at_most, beside, print_table
from tests.journeys.bare_machine import write_guard
from tests.journeys.installation import Installation

AT_REST_MB, WEB_MB = 500, 115
_FILL = (
    "from tests.leaderboard.crowds import voted_study; voted_study(slug='match');"
    "from django.contrib.auth import get_user_model; from django.test import Client;"
    "client = Client(); client.force_login(get_user_model().objects.create_superuser('ada'));"
    "print(client.cookies['sessionid'].value)"
)
_PAGES = "import json; from tests.architecture.walk_pages import walk; print(json.dumps([one for _, one in walk()]))"


def main() -> int:
    """Measure, print, and fail where a target is missed."""
    calm, passes = (5, 1) if "--quick" in sys.argv else (30, 3)
    with tempfile.TemporaryDirectory(prefix="don-memory-", ignore_cleanup_errors=True) as folder:
        there = Installation(Path(folder) / "var")
        there.run("migrate", "--verbosity", "0")
        session = there.run("shell", "--no-imports", "-v", "0", "-c", _FILL).stdout.split()[-1]
        pages = json.loads(there.run("shell", "--no-imports", "-v", "0", "-c", _PAGES).stdout.splitlines()[-1])
        write_guard(Path(folder) / "guard")
        there.environment["PYTHONPATH"] = str(Path(folder) / "guard")
        with there.serving() as address:
            time.sleep(calm)
            shares = [(_share(process), _words(process)) for process in _processes(there)]
            at_rest = sum(share for share, _ in shares)
            for share, words in shares:
                print(f"{share:8.1f} MB  {words}")
            for _ in range(passes):
                for page in pages:
                    _look(address + page, session)
            webs = [process.memory_full_info() for process in _processes(there) if _is_web(process)]
    web, own = max(one.rss for one in webs) / 1e6, max(one.uss for one in webs) / 1e6
    rows = [
        at_most("serve at rest, all processes", at_rest, AT_REST_MB, "MB", 1),
        at_most("a web process after every page", web, WEB_MB, "MB", 1),
        beside("of that its own alone, not shared with serve", own, web, "MB"),
    ]
    print_table(f"Memory (bare: the target; {len(pages)} pages)", rows)
    return 0 if all(row.met is not False for row in rows) else 1


def _processes(there: Installation) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline()) + process.environ().get("VAR_DIR", "")
        except psutil.Error:
            continue
        if str(there.var) in words:
            found.append(process)
            # The server's own processes show neither its folder nor our environment.
            found += [child for child in process.children() if child.name() == "postgres"]
    return list({process.pid: process for process in found}.values())


def _share(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.Error:
        return 0.0


def _words(process: psutil.Process) -> str:
    """How it was called; the server ends processes of its own at any time."""
    try:
        return " ".join(process.cmdline())[:100]
    except psutil.Error:
        return "ended meanwhile"


def _is_web(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is not None and all("evalapp.config.wsgi" in " ".join(one.cmdline()) for one in (process, parent))


def _look(address: str, session: str) -> None:
    request = urllib.request.Request(address, headers={"Cookie": f"sessionid={session}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.close()


if __name__ == "__main__":
    sys.exit(main())
