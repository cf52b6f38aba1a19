"""Reading a file that a data set names, and nothing outside of its folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from unicodedata import normalize

MOST_BYTES = 100 * 1024 * 1024
"""No picture worth importing is larger; reading stops before memory is filled."""

# Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
_PLAIN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class FileFault(Exception):
    """A file that cannot be used; `code` is stable, the text one line for a person."""

    def __init__(self, code: str, line: str) -> None:
        super().__init__(line)
        self.code = code


def read_inside(root: Path, path: str) -> bytes:
    """The bytes of `root/path`; raises FileFault.

    `root` must be resolved. `path` may be absolute or hold links as long as it ends inside `root`. Where there is no
    such file, it may be written as another system writes it: with backslashes, with letters and accents apart.
    """
    try:
        file = _open_as_meant(root, path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileFault("missing-file", "There is no such file.") from None
    except (OSError, ValueError) as error:
        raise FileFault("unreadable", f"The file cannot be read: {_error_reason(error)}.") from None
    try:
        return _read_plain_file(file)
    except OSError as error:
        raise FileFault("unreadable", f"The file cannot be read: {_error_reason(error)}.") from None
    finally:
        os.close(file)


def _open_as_meant(root: Path, path: str) -> int:
    try:
        return _open_inside(root, path)
    except (FileNotFoundError, NotADirectoryError):
        for other in _other_writings(path):
            try:
                return _open_inside(root, other)
            except (FileNotFoundError, NotADirectoryError):
                continue
        raise


def _other_writings(path: str) -> Iterator[str]:
    slashed = path.replace("\\", "/")
    forms = [slashed, *(normalize(form, slashed) for form in ("NFC", "NFD"))]
    yield from (form for form in dict.fromkeys(forms) if form != path)


def _open_inside(root: Path, path: str) -> int:
    folder, name = os.path.split(os.path.join(root, path))
    if name not in {"", ".", ".."}:
        # Thousands of pictures share a folder: it is resolved once, and a plain file in it needs no more.
        real = _real_folder(folder)
        _check_inside(root, real)
        try:
            return os.open(os.path.join(real, name), _PLAIN | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.EMLINK}:
                raise
    real = os.path.realpath(os.path.join(folder, name))
    _check_inside(root, real)
    return os.open(real, _PLAIN)


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _check_inside(root: Path, real: str) -> None:
    """Raises FileFault unless the resolved path `real` is the resolved `root` or below it."""
    if real != str(root) and not real.startswith(os.path.join(root, "")):
        raise FileFault("outside-folder", f"The path leads out of {root}.")


def _read_plain_file(file: int) -> bytes:
    file_stat = os.fstat(file)
    if not stat.S_ISREG(file_stat.st_mode):
        raise FileFault("unreadable", "That is not a file.")
    if file_stat.st_size > MOST_BYTES:
        raise FileFault("too-large", f"The file has more than {MOST_BYTES // 1024**2} MB, the limit.")
    with os.fdopen(file, "rb", buffering=0, closefd=False) as stream:
        return stream.readall()


def _error_reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
