#!/usr/bin/env python
"""Commands: `python manage.py help`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")
    from django.core.management import execute_from_command_line

    # The Celery application must exist before any task is sent.
    import evalapp.config.celery  # noqa: F401

    # Commands are files, so their names have underscores; `compare-backbones` is understood as well.
    words = [word.replace("-", "_") if place == 1 and word[:1] != "-" else word for place, word in enumerate(sys.argv)]
    execute_from_command_line(words)


if __name__ == "__main__":
    main()
