"""The container files, as far as they can be checked without an engine."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import pytest
import yaml

from evalapp.config.env import KNOWN
from tests.conftest import REPOSITORY
from tests.system import need

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service.get("image") == "dopeornope"]


def test_there_is_a_service_for_every_role() -> None:
    assert {"web", "worker", "gpu-worker", "beat", "postgres", "redis"} <= set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_our_services_wait_for_the_database_and_give_up_their_rights(name: str) -> None:
    service = SERVICES[name]
    assert {"postgres", "redis"} <= set(service["depends_on"])
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True


@pytest.mark.parametrize("name", OURS)
def test_they_set_only_variables_that_exist(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= set(KNOWN)


@pytest.mark.parametrize("name", ["web", "postgres", "redis"])
def test_what_others_wait_for_is_asked_for_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", ["worker", "gpu-worker", "cpu-worker"])
def test_workers_are_healthy_as_long_as_they_are_seen(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][-1] == "worker_health"
    assert SERVICES[name]["stop_grace_period"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_but_the_one_that_ends_has_a_limit_of_memory(name: str) -> None:
    assert name == "migrate" or SERVICES[name]["mem_limit"]


def test_the_gpu_worker_asks_for_an_nvidia_device() -> None:
    (device,) = SERVICES["gpu-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"


def test_no_secret_stands_in_the_file() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    for name in ("POSTGRES_PASSWORD", "SECRET_KEY"):
        assert f"${{{name}:?" in text


def test_the_image_does_not_run_as_root_and_copies_only_what_exists() -> None:
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER app$", text, flags=re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, flags=re.MULTILINE):
        assert (REPOSITORY / source).exists(), source
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8")
    for source in ("requirements.txt", "evalapp", "models_registry", "frontend", "manage.py"):
        assert f"!{source}" in ignored


def test_compose_itself_understands_the_file() -> None:
    tool = need("docker-compose")
    environment = {**os.environ, "POSTGRES_PASSWORD": "x", "SECRET_KEY": "y" * 32}
    subprocess.run(
        [tool, "--file", "docker-compose.yml", "config", "--quiet"], cwd=REPOSITORY, env=environment, check=True
    )
