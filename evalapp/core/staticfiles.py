"""Static files under names that carry a hash of their content, so that browsers may keep them for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Hashed and compressed by `collectstatic`; a file that was not collected is served under its plain name.

    ES modules keep their plain specifiers: the import map of the page translates them to hashed names.
    """

    manifest_strict = False
