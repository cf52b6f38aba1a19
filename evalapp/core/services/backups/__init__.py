"""An installation in one file, and an installation out of one."""

from __future__ import annotations

from evalapp.core.services.backups.restoring import restore_backup
from evalapp.core.services.backups.writing import write_backup

__all__ = ["restore_backup", "write_backup"]
