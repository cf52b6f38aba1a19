"""`backup` and `restore` of 100,000 votes and 3,000 pictures, against copying the files and one `pg_dump`.

All four work on one machine, in turns, with the servers running and the programs loaded. Restoring fills a second,
empty installation. Run: python tests/benchmarks/bench_backup.py [--quick]
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.harness import at_most, print_table
from tests.journeys.installation import Installation

_PICTURE_BYTES = 60_000
_FILL = """
import os
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from tests.benchmarks import seeding
seeding.votes(seeding.study("large", pairs={pairs}), {votes})
for number in range({pictures}):
    name = f"originals/{{number % 256:02x}}/{{number:06d}}"
    default_storage.save(name, ContentFile(os.urandom({size})))
"""
_BACK_UP = """
import json, shutil, time
from pathlib import Path
from django.conf import settings
from evalapp.core.services.backups.postgres_client import dump_database
from evalapp.core.services.backups.writing import write_backup
folder = Path({folder!r})
shutil.rmtree(folder / "copy", ignore_errors=True)
begin = time.perf_counter()
shutil.copytree(settings.MEDIA_ROOT, folder / "copy")
with (folder / "dump").open("wb") as output:
    dump_database(output)
copied = time.perf_counter()
write_backup(folder / "{name}.backup")
print(json.dumps([copied - begin, time.perf_counter() - copied]))
"""
_RESTORE = """
import time
from pathlib import Path
from evalapp.core.services.backups.restoring import restore_backup
begin = time.perf_counter()
restore_backup(Path({file!r}))
print(time.perf_counter() - begin)
"""


def main() -> int:
    """Measure, print, and fail where the target is missed."""
    quick = "--quick" in sys.argv
    votes, pictures, rounds = (5_000, 200, 1) if quick else (100_000, 3_000, 3)
    with tempfile.TemporaryDirectory(prefix="don-backup-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        there = Installation(folder / "var")
        there.run("migrate", "--verbosity", "0")
        _shell(there, _FILL.format(pairs=10_000, votes=votes, pictures=pictures, size=_PICTURE_BYTES))
        times = [_round(there, folder, number) for number in range(rounds)]
    bare, written, restored = (statistics.median(column) for column in zip(*times, strict=True))
    rows = [
        at_most("backup", written, bare, "s", 3.0),
        at_most("restore on an empty machine", restored, bare, "s", 3.0),
    ]
    print_table(f"{votes:,} votes and {pictures:,} pictures (bare: copying the files and one dump)", rows)
    return 0 if all(row.met for row in rows) else 1


def _round(there: Installation, folder: Path, number: int) -> tuple[float, float, float]:
    """Seconds of copying with a dump, of a backup, and of a restore."""
    bare, written = json.loads(_shell(there, _BACK_UP.format(folder=str(folder), name=number)))
    empty = Installation(folder / f"empty{number}")
    restored = float(_shell(empty, _RESTORE.format(file=str(folder / f"{number}.backup"))))
    return bare, written, restored


def _shell(where: Installation, program: str) -> str:
    return where.run("shell", "--no-imports", "-v", "0", "-c", program).stdout.strip().rpartition("\n")[2]


if __name__ == "__main__":
    sys.exit(main())
