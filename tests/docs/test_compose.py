"""The container files, as far as they can be checked without an engine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.core.management import call_command

from evalapp.config.env import KNOWN
from tests.conftest import REPOSITORY
from tests.system import need

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
WEB_IMAGE = ["migrate", "web", "beat"]
WORKERS = ["worker", "cpu-worker", "gpu-worker"]
OURS = [*WEB_IMAGE, *WORKERS, "search"]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SET_BY_THE_FILE = {"DATABASE_URL", "CELERY_BROKER_URL", "VAR_DIR"}
DESCRIBED = {
    name
    for name in re.findall(r"^\| `([A-Z_]+)` \|", README, flags=re.MULTILINE)
    # Nobody but the service that makes the operator has to know the password.
    if not name.startswith("OPERATOR_")
}


def _resolved(*words: str, **environment: str) -> dict[str, Any]:
    """The services as docker-compose understands them, those of profiles that were not asked for left out."""
    done = subprocess.run(
        [need("docker-compose"), "--file", "docker-compose.yml", *words, "config"],
        cwd=REPOSITORY,
        env={**os.environ, "POSTGRES_PASSWORD": "x", **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    # Old clients print all services, new ones only those that would start.
    return {name: one for name, one in services.items() if "profiles" not in one or set(one["profiles"]) & set(words)}


def test_without_a_profile_everything_starts_and_nothing_wants_a_gpu() -> None:
    services = _resolved()
    assert set(services) == {"migrate", "web", "proxy", "worker", "cpu-worker", "search", "beat", "postgres", "redis"}
    assert not [name for name, service in services.items() if "reservations" in str(service.get("deploy", ""))]


def test_the_profile_gpu_adds_the_worker_that_asks_for_an_nvidia_device() -> None:
    services = _resolved("--profile", "gpu")
    assert set(services) == set(SERVICES)
    (device,) = services["gpu-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"
    assert services["gpu-worker"]["build"]["args"]["TORCH"] == "cuda"


def test_beside_a_gpu_the_worker_of_the_processor_can_be_left_out() -> None:
    assert _resolved()["cpu-worker"]["scale"] == 1
    assert _resolved("--profile", "gpu", CPU_WORKERS="0")["cpu-worker"]["scale"] == 0


def test_queues_are_served_with_and_without_a_gpu() -> None:
    for words in ((), ("--profile", "gpu")):
        told = " ".join(str(service.get("command")) for service in _resolved(*words).values())
        assert "'default'" in told
        assert "'gpu'" in told


@pytest.mark.parametrize("name", OURS)
def test_our_services_wait_for_the_database_and_give_up_their_rights(name: str) -> None:
    service = SERVICES[name]
    assert {"postgres", "redis"} <= set(service["depends_on"])
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True


@pytest.mark.parametrize("name", OURS)
def test_every_setting_of_the_readme_is_handed_on(name: str) -> None:
    given = SERVICES[name]["environment"]
    assert set(given) >= DESCRIBED
    assert {one for one in given if not one.startswith("OPERATOR_")} <= set(KNOWN)
    for setting in DESCRIBED - SET_BY_THE_FILE:
        assert given[setting].startswith(f"${{{setting}:-"), setting


@pytest.mark.parametrize("name", OURS)
def test_what_a_person_sets_arrives(name: str) -> None:
    described = DESCRIBED - SET_BY_THE_FILE
    services = _resolved("--profile", "gpu", **{setting: f"told-{setting}" for setting in described})
    given = services[name]["environment"]
    assert {setting: given[setting] for setting in described} == {setting: f"told-{setting}" for setting in described}


def test_an_empty_environment_but_the_password_is_enough() -> None:
    for service in OURS:
        for value in SERVICES[service]["environment"].values():
            assert ":?" not in value.replace("${POSTGRES_PASSWORD:?", "")


@pytest.mark.parametrize("name", OURS)
def test_what_people_bring_along_is_mounted_and_cannot_be_changed(name: str) -> None:
    brought = [volume for volume in SERVICES[name]["volumes"] if not volume.startswith("var:")]
    assert [re.split(r":(?=/)", volume)[-1] for volume in brought] == ["/pictures:ro", "/models:ro", "/run/secrets:ro"]


def test_the_first_operator_comes_from_the_environment() -> None:
    assert {"OPERATOR_NAME", "OPERATOR_PASSWORD", "OPERATOR_PASSWORD_FILE"} <= set(SERVICES["migrate"]["environment"])
    assert SERVICES["migrate"]["command"] == ["sh", "docker/prepare.sh"]


@pytest.mark.parametrize(
    ("name", "known", "made"),
    [
        ("anna", False, ["create_operator anna"]),
        ("anna", True, []),
        ("", False, []),
        ("an na", False, ["create_operator an na"]),
    ],
)
def test_the_operator_is_made_at_the_first_start_only(tmp_path: Path, name: str, known: bool, made: list[str]) -> None:
    """`python` here only writes down what it is asked; `shell` answers whether the operator is known."""
    stub = tmp_path / "python"
    stub.write_text(f'#!/bin/sh\nshift; [ "$1" = shell ] && exit {int(not known)}\necho "$*" >> {tmp_path}/asked\n')
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "OPERATOR_NAME": name}
    subprocess.run(["sh", "docker/prepare.sh"], cwd=REPOSITORY, env=environment, check=True)
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked == ["migrate --no-input", "collectstatic --no-input", *made]


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize(("name", "answer"), [("anna", True), ("root", False)])
def test_the_question_whether_there_is_an_operator_is_understood(
    name: str, answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (REPOSITORY / "docker" / "prepare.sh").read_text(encoding="utf-8")
    (question,) = re.findall(r'--command "(.+?)"', script, re.DOTALL)
    get_user_model().objects.create(username="root")
    monkeypatch.setenv("OPERATOR_NAME", name)
    with pytest.raises(SystemExit) as end:
        call_command("shell", "--no-imports", verbosity=0, command=question)
    assert bool(end.value.code) is answer


@pytest.mark.parametrize("name", ["web", "proxy", "search", "postgres", "redis"])
def test_what_others_wait_for_is_asked_for_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", WORKERS)
def test_workers_are_healthy_as_long_as_they_are_seen(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][-1] == "worker_health"
    assert SERVICES[name]["stop_grace_period"]


def test_the_web_container_may_end_the_requests_it_has() -> None:
    """Gunicorn waits 30 seconds for them."""
    assert int(SERVICES["web"]["stop_grace_period"].removesuffix("s")) > 30


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_a_limit_of_memory_and_of_what_it_keeps_in_it(name: str) -> None:
    assert SERVICES[name]["mem_limit"]
    for mount in SERVICES[name].get("tmpfs", []):
        assert "size=" in mount


def test_visitors_reach_the_proxy_and_nothing_else() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    configuration = (REPOSITORY / "docker" / "nginx.conf").read_text(encoding="utf-8")
    assert "proxy_request_buffering on" in configuration
    assert "proxy_buffering on" in configuration
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"


@pytest.mark.parametrize("image", [SERVICES[name]["image"] for name in ("proxy", "postgres", "redis")])
def test_foreign_images_are_of_one_release(image: str) -> None:
    assert re.fullmatch(r"[a-z]+:\d+\.\d+-\w+", image)


def test_the_images_are_of_one_release_of_python_and_say_what_they_are() -> None:
    assert re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.12.13-slim-bookworm"]
    for label in ("title", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in DOCKERFILE


def test_the_web_image_never_meets_the_packages_of_the_worker() -> None:
    stages = {
        name: (base, body)
        for base, name, body in re.findall(
            r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM|\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL
        )
    }
    assert "COPY --from=web-packages /opt/venv" in stages["web"][1]
    assert "COPY --from=worker-packages /opt/venv" in stages["worker"][1]
    assert re.findall(r"install\.py (.+)", stages["web-packages"][1]) == ["web $EXTRAS"]
    assert re.findall(r"install\.py (.+?) \\", stages["worker-packages"][1]) == ["worker train"]
    assert "ARG TORCH=cpu" in stages["worker-packages"][1]
    for name in WEB_IMAGE:
        assert SERVICES[name]["build"]["target"] == "web"
    for name in WORKERS:
        assert SERVICES[name]["build"]["target"] == "worker"


def test_no_secret_stands_in_the_file() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    assert "${POSTGRES_PASSWORD:?" in text
    for name in ("SECRET_KEY", "OPERATOR_PASSWORD"):
        assert f"{name}: ${{{name}:-}}" in text


def test_no_image_runs_as_root_and_each_copies_only_what_exists() -> None:
    finals = re.findall(r"^FROM role AS .*?(?=^FROM|\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert len(finals) == 2
    for final in finals:
        assert re.search(r"^USER app$", final, flags=re.MULTILINE)
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8")
    for source in re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, flags=re.MULTILINE):
        assert (REPOSITORY / source).exists(), source
        assert f"!{source.split('/')[0]}\n" in ignored
