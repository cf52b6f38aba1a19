"""What the web process must not load, and what pure code must not need."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

_HEAVY = ("torch", "faiss", "onnxruntime")

_WEB = """
import sys
from evalapp.config.wsgi import application
from django.urls import get_resolver

def walk(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            walk(pattern.url_patterns)
        else:
            pattern.callback

walk(get_resolver().url_patterns)
import evalapp.core.tasks
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})))
"""

_PURE = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})))
"""


def _modules_after(program: str, *arguments: str) -> set[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_web_process_loads_no_engine() -> None:
    loaded = _modules_after(_WEB)
    assert "django" in loaded
    assert not loaded & set(_HEAVY)


@pytest.mark.parametrize("package", ["models_registry", "evalapp.stats", "evalapp.catalog.demo"])
def test_pure_code_runs_without_django_and_celery(package: str) -> None:
    loaded = _modules_after(_PURE, package)
    assert not loaded & {"django", "celery", "rest_framework", "psycopg2"}


def test_the_engine_reports_nothing_to_anybody() -> None:
    program = "import models_registry.registry, onnxruntime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert _modules_after(program) == {"1"}
