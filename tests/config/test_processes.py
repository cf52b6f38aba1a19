"""The Celery application is there in every kind of process, and in every thread of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalapp.core.services.embedded.workers import REPOSITORY as WHERE_ROLES_START
from tests.conftest import REPOSITORY

_WHO_SENDS = """
from concurrent.futures import ThreadPoolExecutor
from evalapp.core.tasks import work
with ThreadPoolExecutor(1) as pool:
    name, broker = pool.submit(lambda: (work.app.main, work.app.conf.broker_url)).result()
print("SENDS", name, broker)
"""
_STARTS = {
    "web": [sys.executable, "-c", "import evalapp.config.wsgi" + _WHO_SENDS],
    "command": [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", _WHO_SENDS],
    "worker and beat": [
        sys.executable,
        "-c",
        "from celery.bin.celery import main; from celery.app.utils import find_app\n"
        "find_app('evalapp.config.celery').loader.import_default_modules()" + _WHO_SENDS,
    ],
    "script": [
        sys.executable,
        "-c",
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'evalapp.config.settings'; django.setup()"
        + _WHO_SENDS,
    ],
}


@pytest.mark.parametrize("process", sorted(_STARTS))
def test_every_process_sends_its_messages_to_our_broker(process: str, tmp_path: Path) -> None:
    unset = ("DJANGO_SETTINGS_MODULE", "CELERY_BROKER_URL", "CELERY_BROKER_URL_FILE")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        _STARTS[process], cwd=REPOSITORY, env={**environment, "VAR_DIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert "SENDS evalapp filesystem://localhost//" in done.stdout, done.stderr


def test_roles_are_started_where_the_package_is_found() -> None:
    assert WHERE_ROLES_START == REPOSITORY
