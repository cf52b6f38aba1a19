"""What the web process must not load, and what pure code must not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import REPOSITORY

_HEAVY = {
    "torch", "faiss", "onnxruntime", "sklearn", "numba", "pyarrow", "boto3", "scipy.stats", "pandas", "transformers",
    "timm", "torchvision", "safetensors", "onnx", "pytorch_metric_learning", "datasets",
}  # fmt: skip

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


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A web process with a database of its own that was asked for every page and sent every form."""
    unset = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "CELERY_BROKER_URL")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.architecture.walk_pages"],
        cwd=REPOSITORY,
        env={**environment, "VAR_DIR": str(tmp_path_factory.mktemp("walk"))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_no_page_and_no_form_makes_the_web_process_load_an_engine(walked: Any) -> None:
    loaded = set(walked["modules"])
    assert {"django", "celery", "evalapp.training.pages.loop"} <= loaded
    assert loaded & _HEAVY == set()


def test_every_page_and_form_answers_without_an_error_of_ours(walked: Any) -> None:
    assert walked["asked"] > 300
    assert walked["failed"] == []


@pytest.mark.parametrize("package", ["models_registry", "evalapp.stats", "evalapp.demo"])
def test_pure_code_runs_without_django_and_celery(package: str) -> None:
    loaded = _modules_after(_PURE, package)
    assert not loaded & {"django", "celery", "rest_framework", "psycopg2"}


def test_the_engine_reports_nothing_to_anybody() -> None:
    program = "import models_registry.registry, onnxruntime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert _modules_after(program) == {"1"}
