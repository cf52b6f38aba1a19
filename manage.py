#!/usr/bin/env python
"""Commands: `python manage.py help`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.config.settings")
    from django.core.management import execute_from_command_line

    from evalapp.config import complaints

    complaints.speak_to_any_terminal()
    # Commands are files, so their names have underscores; `compare-backbones` is understood as well.
    program, *arguments = sys.argv
    if arguments and not arguments[0].startswith("-"):
        arguments[0] = arguments[0].replace("-", "_")
    try:
        execute_from_command_line([program, *arguments])
    except complaints.TOLD as error:
        if "--traceback" in arguments:
            raise
        complaints.leave_with_complaint(error)


if __name__ == "__main__":
    main()
