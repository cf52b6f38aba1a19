"""The lock: nothing unpinned, nothing stale, nothing that names where it was fetched. No test here needs a network."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "requirements"
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
BELOW = {
    "web": (),
    "embedded": ("web",),
    "worker": ("web", "embedded"),
    "torch": ("web", "embedded", "worker"),
    "cuda": ("web", "embedded", "worker", "torch"),
    **dict.fromkeys(("train", "fast", "hf", "lora"), ("web", "embedded", "worker", "torch", "cuda")),
    # On a machine that serves pages and computes nothing.
    "s3": ("web",),
    "heif": ("web",),
    "uv": (),
}
PYTHONS = ("3.11.2", "3.11.9", "3.12.1", "3.13.1", "3.14.0")
PLATFORMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))
HEAVY = {"torch", "faiss-cpu", "onnxruntime", "scikit-learn", "numba", "pyarrow", "boto3", "safetensors"}


def _program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _pins(name: str) -> dict[str, tuple[str, str]]:
    """Version and marker of each package of a list."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)(?: ; ([^\\\n]+?))? *\\?$", text, re.MULTILINE)
    return {canonicalize_name(package): (version, marker) for package, version, marker in found}


def _environments() -> Iterator[dict[str, str]]:
    for python in PYTHONS:
        for sys_platform, system, machine in PLATFORMS:
            yield {
                "python_full_version": python,
                "python_version": python.rpartition(".")[0],
                "sys_platform": sys_platform,
                "platform_system": system,
                "platform_machine": machine,
                "os_name": "posix",
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
            }


def _wanted_by(package: str, extras: frozenset[str], environment: dict[str, str]) -> Iterator[Requirement]:
    for line in metadata.requires(package) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in (*extras, "")):
            yield requirement


def _installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.parametrize("name", sorted(set(BELOW) - {"cuda", "uv"}))
def test_every_requirement_of_every_pinned_package_is_pinned_in_its_set_or_below(name: str) -> None:
    within = {package: pin for part in (*BELOW[name], name) for package, pin in _pins(part).items()}
    asked = [Requirement(line) for line in _named(name)]
    extras = {canonicalize_name(one.name): frozenset(one.extras) for one in asked}
    missing = set()
    for package in _pins(name):
        # What is installed here tells what it needs; the test below names what is not.
        if not _installed(package):
            continue
        for environment in _environments():
            for wanted in _wanted_by(package, extras.get(package, frozenset()), environment):
                version, marker = within.get(canonicalize_name(wanted.name), ("", ""))
                pinned = version and (not marker or Requirement(f"x; {marker}").marker.evaluate(environment))  # type: ignore[union-attr]
                if not pinned or not wanted.specifier.contains(version, prereleases=True):
                    missing.add(f"{package} needs {wanted} on {environment['sys_platform']}: {version or 'not pinned'}")
    assert missing == set()


def test_only_what_linux_needs_for_cuda_is_beyond_that_check() -> None:
    """torch's own metadata says what its CPU build needs; CUDA's libraries are resolved by `make lock`. HEIC's
    library is only there where somebody asked for it."""
    absent = {package for name in BELOW for package in _pins(name) if not _installed(package)}
    assert absent <= {*_pins("cuda"), *_pins("uv"), *_pins("heif"), "async-timeout"}


def _named(name: str) -> list[str]:
    return PROJECT["dependencies"] if name == "web" else EXTRAS.get(name, [])


@pytest.mark.parametrize("name", sorted(set(BELOW) - {"torch", "cuda", "uv"}))
def test_what_the_project_names_is_in_the_list_at_that_version(name: str) -> None:
    pins = {package: version for part in (name, "torch") for package, (version, _) in _pins(part).items()}
    for requirement in map(Requirement, _named(name)):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", sorted(BELOW))
def test_no_list_is_older_than_what_it_was_made_of(name: str) -> None:
    """After a change of a set, `make lock` writes the lists anew."""
    assert _program("make_lock").digest_of_sets()[:16] in (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_both_builds_of_torch_are_of_one_release_and_have_hashes_of_their_own() -> None:
    cpu = (FOLDER / "torch-cpu.txt").read_text(encoding="utf-8")
    (version,) = {version for version, _ in _pins("torch").values()}
    assert set(re.findall(r"^torch==([\w.]+)", cpu, re.MULTILINE)) == {version}
    linux, mac = cpu.split("sys_platform == 'darwin'")
    hashes = set(re.findall(r"sha256:(\w{64})", (FOLDER / "torch.txt").read_text(encoding="utf-8")))
    assert len(set(re.findall(r"sha256:(\w{64})", linux)) - hashes) == 8
    assert set(re.findall(r"sha256:(\w{64})", mac)) <= hashes


def test_every_pin_has_its_hashes_and_only_wheels_are_taken() -> None:
    for name in (*BELOW, "torch-cpu"):
        text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
        assert "--only-binary :all:" in text
        for entry in re.split(r"\n(?=[a-z])", text)[1:]:
            assert "--hash=sha256:" in entry, entry


def test_no_list_says_where_packages_are_fetched() -> None:
    for file in (*FOLDER.iterdir(), REPOSITORY / "requirements.txt", REPOSITORY / "requirements-dev.txt"):
        if file.is_file():
            assert not re.search(r"https?://|--(extra-)?index-url|--find-links", file.read_text(encoding="utf-8")), file


def test_the_plain_list_is_web_embedded_and_worker() -> None:
    text = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    plain = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))
    parts = [_pins(name) for name in ("web", "embedded", "worker", "torch")]
    assert plain == {package: version for part in parts for package, (version, _) in part.items()}


def test_contributors_have_the_optional_sets_at_the_locked_versions() -> None:
    text = (REPOSITORY / "requirements-dev.txt").read_text(encoding="utf-8")
    for name in ("train", "fast", "s3", "hf"):
        for requirement in EXTRAS[name]:
            assert requirement in text.split("\n"), requirement


def test_the_web_side_brings_nothing_that_computes() -> None:
    assert not HEAVY & set(_pins("web"))
    assert set(_pins("embedded")).isdisjoint(HEAVY)


def test_the_demo_without_a_gpu_fetches_at_most_450_megabytes_of_packages() -> None:
    """And uv, 18 MB, where PyTorch's index has to be asked for the CPU build."""
    sizes = json.loads((FOLDER / "sizes.json").read_text(encoding="utf-8"))
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (sets,) = re.findall(r"^DEMO_SETS := (.+)$", makefile, re.MULTILINE)
    assert len(sizes) == 3
    for platform in sizes.values():
        assert sum(platform[name] for name in (*sets.split(), "torch-cpu")) <= 450e6


def test_the_python_of_the_lock_is_the_python_of_the_makefile() -> None:
    assert PROJECT["requires-python"] == ">=3.11,<3.15"
    assert "(3, 11) <= sys.version_info < (3, 15)" in (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert (3, 11) <= sys.version_info < (3, 15)


@pytest.mark.parametrize(
    ("driver", "told", "cuda"),
    [
        (True, "auto", True),
        (True, "cpu", False),
        (True, "cuda", True),
        (False, "auto", False),
        (False, "cpu", False),
        (False, "cuda", True),
    ],
)
def test_torch_comes_without_cuda_unless_a_driver_answers_or_it_is_asked_for(
    driver: bool, told: str, cuda: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    install = _program("install")
    monkeypatch.setattr(install.sys, "platform", "linux")
    monkeypatch.setattr(install, "_driver_answers", lambda: driver)
    monkeypatch.setenv("TORCH", told)
    assert install.wants_cuda() is cuda


def test_a_build_of_torch_that_does_not_exist_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH", "gpu")
    with pytest.raises(SystemExit, match="write cpu, cuda or auto"):
        _program("install").wants_cuda()


def test_where_the_cpu_build_is_out_of_reach_the_fetch_is_named_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install = _program("install")
    fetched: list[list[str]] = []
    monkeypatch.setattr(install, "wants_cuda", lambda: False)
    monkeypatch.setattr(install, "_cpu_build_by_pip", lambda: False)
    monkeypatch.setattr(install, "_cpu_build_by_uv", lambda: False)
    monkeypatch.setattr(install, "_pip_install", fetched.append)
    monkeypatch.delenv("TORCH", raising=False)
    install._install_torch("linux-x86_64")
    said = capsys.readouterr().out
    assert "2,730 MB with CUDA" in said
    assert "PIP_FIND_LINKS" in said
    assert fetched == [["torch", "cuda"]]


def test_whoever_asks_for_the_cpu_build_never_gets_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    install = _program("install")
    monkeypatch.setattr(install, "_cpu_build_by_pip", lambda: False)
    monkeypatch.setattr(install, "_cpu_build_by_uv", lambda: False)
    monkeypatch.setenv("TORCH", "cpu")
    with pytest.raises(SystemExit, match="cannot be reached"):
        install._install_torch("linux-x86_64")


def test_what_is_fetched_is_told_beforehand_with_the_program_that_fetches_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install = _program("install")
    sizes = json.loads((FOLDER / "sizes.json").read_text(encoding="utf-8"))["linux-x86_64"]
    monkeypatch.setattr(install, "_is_there", lambda _package: False)
    monkeypatch.setattr(install.sys, "platform", "linux")
    for cuda, parts in ((False, ("torch-cpu", "uv")), (True, ("torch", "cuda"))):
        monkeypatch.setattr(install, "wants_cuda", lambda cuda=cuda: cuda)
        install._say_what_is_fetched("linux-x86_64", ["web", "worker"])
        total = sum(sizes[name] for name in ("web", "worker", *parts))
        assert f"up to {total / 1e6:,.0f} MB" in capsys.readouterr().out
