"""Reading a file that a data set names, and nothing outside of its folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MOST_BYTES = 100 * 1024 * 1024
"""No picture worth importing is larger; reading stops before memory is filled."""


class FileFault(Exception):
    """A file that cannot be used; `code` is stable, the text one line for a person."""

    def __init__(self, code: str, line: str) -> None:
        super().__init__(line)
        self.code = code


def read_inside(root: Path, path: str) -> bytes:
    """The bytes of `root/path`; raises FileFault.

    `root` must be resolved. `path` may be absolute or a link as long as it ends inside `root`.
    """
    try:
        real = os.path.realpath(root / path)
        if not is_inside(root, real):
            raise FileFault("outside-folder", f"The path leads out of {root}.")
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        file = os.open(real, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise FileFault("missing-file", "There is no such file.") from None
    except (OSError, ValueError) as error:
        raise FileFault("unreadable", f"The file cannot be read: {_reason(error)}.") from None
    try:
        return _read(file)
    except OSError as error:
        raise FileFault("unreadable", f"The file cannot be read: {_reason(error)}.") from None
    finally:
        os.close(file)


def is_inside(root: Path, real: str) -> bool:
    """Whether the resolved path `real` lies in the resolved folder `root`."""
    return real.startswith(os.path.join(root, ""))


def _read(file: int) -> bytes:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise FileFault("unreadable", "That is not a file.")
    if found.st_size > MOST_BYTES:
        raise FileFault("too-large", f"The file has more than {MOST_BYTES // 1024**2} MB, the limit.")
    parts = []
    while part := os.read(file, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
