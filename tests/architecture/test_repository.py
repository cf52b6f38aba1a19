"""Rules that the tree itself keeps."""

from __future__ import annotations

import ast
import re
import subprocess

from tests.conftest import REPOSITORY

_TOP = {
    "manage.py", "requirements.txt", "evalapp", "models_registry", "frontend", "tests", "docker-compose.yml",
    "requirements-dev.txt", "Dockerfile", ".dockerignore", "Makefile", "pyproject.toml", ".importlinter", ".gitignore",
    ".ci", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md", "docs", "requirements", "docker",
}  # fmt: skip


def _files() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def test_the_top_level_is_fixed() -> None:
    assert {path.split("/")[0] for path in _files()} <= _TOP


def test_no_picture_set_and_no_network_is_committed() -> None:
    assert [path for path in _files() if re.search(r"\.(onnx|pth|pt|safetensors|npy|npz|parquet)$", path)] == []


def test_no_file_names_a_private_path() -> None:
    private = re.compile(r"(^|[^\w.])/(work|root|home/\w+)/")
    found = []
    for path in _files():
        file = REPOSITORY / path
        if (
            file.suffix not in {".py", ".md", ".js", ".mjs", ".html", ".css", ".toml", ".yml", ".txt", ""}
            or not file.is_file()
        ):
            continue
        if path == "tests/architecture/test_repository.py":
            continue
        if private.search(file.read_text(encoding="utf-8", errors="replace")):
            found.append(path)
    assert found == []


def test_waiting_in_a_browser_is_for_functions() -> None:
    """An expression is asked once and then needs eval, which the pages' policy forbids: it passes on quick machines."""
    found = [
        f"{path}:{call.lineno}"
        for path in _files()
        if path.startswith("tests/") and path.endswith(".py")
        for call in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "wait_for_function"
        if not isinstance(call.args[0], ast.Name) and "=>" not in ast.unparse(call.args[0])
    ]
    assert found == []


def test_programs_are_started_without_a_fork() -> None:
    """These words make `subprocess` fork, and what a library registered for forks runs in the copy: gRPC's ends it."""
    forking = {"user", "group", "extra_groups", "preexec_fn"}
    found = [
        f"{path}:{call.lineno}"
        for path in _files()
        if path.endswith(".py")
        for call in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and re.search(r"\b(subprocess|asyncio)\.|Popen|check_", ast.unparse(call.func))
        if forking & {keyword.arg for keyword in call.keywords}
    ]
    assert found == []
