"""The secret key of an installation that was given none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

NAME = "secret-key"


def embedded_secret_key(var: Path) -> str:
    """The key kept in `var/secret-key` (mode 600), made at the first call.

    Written under another name and linked into place, so that two processes that start together agree on
    whichever key arrived first.
    """
    path = var / NAME
    if not path.exists():
        var.mkdir(parents=True, exist_ok=True)
        draft = var / f"{NAME}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii")
