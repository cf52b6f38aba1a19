"""Static files under names that carry a hash of their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.base import ContentFile
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

from evalapp.core.domain.script_modules import bundle_path, bundled_module, modules_by_name, without_comments
from evalapp.core.domain.style_sheets import SHEETS, sheet_path


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Hashed and compressed by `collectstatic`; a file that was not collected is served under its plain name.

    ES modules keep their plain specifiers: the import map of the page translates them to hashed names. Beside them lie
    bundles: what one page needs, in one file.
    """

    manifest_strict = False

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Any:
        """Add the bundles to what was collected, then hash and compress all of it."""
        if not dry_run:
            for name, text in _bundle_texts().items():
                self.delete(name)
                self.save(name, ContentFile(text.encode()))
                paths[name] = (self, name)
        return super().post_process(paths, dry_run, **options)


def has_bundle(path: str) -> bool:
    """Whether this bundle was collected."""
    return path in getattr(staticfiles_storage, "hashed_files", ())


def _bundle_texts() -> dict[str, str]:
    pages = [name.removeprefix("pages/") for name in modules_by_name() if name.startswith("pages/")]
    scripts = {bundle_path(page): bundled_module(f"pages/{page}") for page in pages}
    root = Path(settings.STATICFILES_DIRS[0]) / "css"
    sheets = {
        sheet_path(page): "\n".join((root / f"{name}.css").read_text(encoding="utf-8") for name in names)
        for page, names in SHEETS.items()
    }
    return scripts | {path: without_comments(text) for path, text in sheets.items()}


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
