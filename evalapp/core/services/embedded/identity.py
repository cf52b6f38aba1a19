"""Whom the server runs as: PostgreSQL refuses root, so root starts its programs as a user made for that.

The switch is made by a small program in between, and not by `subprocess`: asked for another user, that forks, and
what a library with threads of its own registered for a fork runs in the copy. gRPC, which talks to Milvus, brings it
down there.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

SYSTEM_USER = "pgserver"
"""Whom root runs the server as; made when it is missing."""
_SWITCH = """
import os, sys
user, group = map(int, sys.argv[1:3])
os.setgroups([])
os.setgid(group)
os.setuid(user)
os.execv(sys.argv[3], sys.argv[3:])
"""


def owner_ids() -> tuple[int, int]:
    """User and group that the server's files belong to."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam(SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def as_server_user(words: list[str]) -> list[str]:
    """The words of a command, the first a program's whole path, run by the server's user; the process is the same."""
    if os.geteuid() != 0:
        return words
    return [sys.executable, "-I", "-S", "-c", _SWITCH, *map(str, owner_ids()), *words]


def ensure_system_user() -> None:
    """Make the user that root runs the server as, where it is missing."""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(  # noqa: S603
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER],  # noqa: S607
            check=True,
            capture_output=True,
        )
