"""Serve the product of the checkout that `PYTHONPATH` names, filled for benchmarks, until standard input ends.

Says where as one line of JSON. `bench_before.py` runs it, also with earlier versions: it uses what they have in common.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

PAIRS, VOTES = 10_000, 40_000
_LIMITS = ("VOTER_PAIRS_PER_MINUTE", "ADDRESS_PAIRS_PER_MINUTE", "ADDRESS_VOTERS_PER_MINUTE")


def main(folder: Path) -> None:
    from tests.servers import Database, Web

    database = Database(folder)
    os.environ["VAR_DIR"] = str(folder)
    database.start()
    os.environ["DATABASE_URL"] = database.url
    web = Web(_free_port(), dict.fromkeys(_LIMITS, "100000000"))
    try:
        _fill()
        web.start()
        assert web.process is not None
        print(json.dumps({"port": web.port, "pids": [web.process.pid, database.pid]}), flush=True)
        sys.stdin.read()
    finally:
        web.stop()
        database.stop()


def _fill() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from tests.benchmarks import seeding

    call_command("migrate", verbosity=0)
    study = seeding.study("large", pairs=PAIRS)
    # Some first: without statistics of their tables the database would take minutes for the rest.
    seeding.votes(study, VOTES // 20)
    seeding.votes(study, VOTES)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "evalapp.config.settings"
    main(Path(sys.argv[1]))
