"""`python -m tests.real_database URL`: exit code 0 if a PostgreSQL answers there."""

from __future__ import annotations

import sys

import psycopg2


def answers(url: str) -> bool:
    """Whether a connection can be made within two seconds."""
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
