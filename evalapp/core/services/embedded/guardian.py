"""Waits until no process uses the embedded PostgreSQL any more, then stops it.

Run as `python -m evalapp.core.services.embedded.guardian VAR`. Knows no Django, so that it is small and starts at once.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from evalapp.core.services.embedded.locks import ProcessLock, is_held_alone
from evalapp.core.services.embedded.postgres import EmbeddedPostgres


def guard_server(var: Path) -> None:
    """Return at once if another guardian is at its post; else stay until the last user has gone."""
    server = EmbeddedPostgres(var)
    post = ProcessLock(server.guardian_lock)
    if not _take_post(post):
        return
    users = ProcessLock(server.users_lock)
    users.hold_alone()
    # Holding the users' lock alone keeps newcomers waiting until the server is really down.
    server.stop()
    post.close()
    users.close()


def _take_post(post: ProcessLock) -> bool:
    # Who only looks whether a guardian is there shares the lock for an instant, or for longer on a busy machine.
    while not post.try_hold_alone():
        if is_held_alone(post.path):
            return False
        time.sleep(0.05)
    return True


if __name__ == "__main__":
    # Ctrl-C in a terminal is for the programs in the foreground.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    guard_server(Path(sys.argv[1]))
