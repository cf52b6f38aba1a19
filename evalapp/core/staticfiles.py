"""Static files under names that carry a hash of their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Hashed and compressed by `collectstatic`; a file that was not collected is served under its plain name.

    ES modules keep their plain specifiers: the import map of the page translates them to hashed names.
    """

    manifest_strict = False


def collect_if_changed() -> None:
    """`collectstatic`, unless every source file is as it was the last time; hashing them all takes seconds."""
    stamp = Path(settings.STATIC_ROOT) / ".sources"
    state = _state_of_sources()
    if stamp.exists() and stamp.read_text(encoding="ascii") == state:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(state, encoding="ascii")


def _state_of_sources() -> str:
    lines = []
    for finder in get_finders():
        for path, storage in finder.list([]):
            file = Path(storage.path(path)).stat()
            lines.append(f"{path} {file.st_mtime_ns} {file.st_size}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
