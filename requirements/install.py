"""Installs sets of the lock into the Python that runs this: `python requirements/install.py web embedded worker`.

Says beforehand what it fetches. torch comes with the set `worker`: its CPU build, unless a GPU driver answers or
TORCH=cuda asks for the other one; TORCH=cpu takes the CPU build or nothing. Standard library only.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
_INSTALL = ("install", "--quiet", "--no-deps", "--require-hashes")


def main(names: list[str]) -> None:
    """Install what is missing of the sets, torch last."""
    platform_name = _platform()
    _say_what_is_fetched(platform_name, names)
    _pip_install(names)
    if "worker" in names and not _is_there("torch"):
        _install_torch(platform_name)


def wants_cuda() -> bool:
    """Whether this machine gets torch with CUDA: TORCH says so, or a GPU driver answers."""
    told = os.environ.get("TORCH", "auto")
    if told not in {"auto", "cpu", "cuda"}:
        sys.exit(f"TORCH={told!r} is unknown; write cpu, cuda or auto.")
    return sys.platform == "linux" and (told == "cuda" or (told == "auto" and _driver_answers()))


def _driver_answers() -> bool:
    tool = shutil.which("nvidia-smi")
    try:
        return bool(tool) and not subprocess.run([tool], capture_output=True, timeout=20, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def _platform() -> str:
    """This machine as sizes.json names it. Ends with one line on a machine the lock has no wheels for."""
    names = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}
    found = (sys.platform, platform.machine())
    if found not in names:
        sys.exit(f"There are no wheels for {found[0]} on {found[1]}; README.md lists the platforms.")
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        sys.exit("The packages need glibc 2.28 or newer (Debian, Ubuntu, Fedora, …); Alpine's musl has no wheels.")
    return f"{'macos' if found[0] == 'darwin' else 'linux'}-{found[1]}"


def _say_what_is_fetched(platform_name: str, names: Iterable[str]) -> None:
    sizes = json.loads((HERE / "sizes.json").read_text(encoding="utf-8"))[platform_name]
    total = sum(sizes[name] for name in names if any(not _is_there(package) for package in _packages(name)))
    build = ""
    if "worker" in names and not _is_there("torch"):
        cuda = wants_cuda()
        # The CPU build for Linux may have to be fetched through uv.
        through = sizes["uv"] if sys.platform == "linux" else 0
        total += sizes["torch"] + sizes["cuda"] if cuda else sizes["torch-cpu"] + through
        build = ", torch with CUDA" if cuda else ", torch for the processor (TORCH=cuda brings the other build)"
    if total:
        print(f"Installing {', '.join(names)}: up to {total / 1e6:,.0f} MB{build} …", flush=True)


def _packages(name: str) -> dict[str, str]:
    """The packages that a list pins for this Python, with their versions."""
    text = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+) (?:\\|; sys_platform)", text, re.MULTILINE))


def _is_there(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _pip_install(names: Iterable[str]) -> None:
    lists = [part for name in names for part in ("-r", str(HERE / f"{name}.txt"))]
    if subprocess.run([*_PIP, *_INSTALL, *lists], check=False).returncode:
        sys.exit("The packages above could not be installed; nothing else was changed.")


def _install_torch(platform_name: str) -> None:
    if wants_cuda():
        _pip_install(["torch", "cuda"])
    elif not (_cpu_build_by_pip() or _cpu_build_by_uv()):
        if os.environ.get("TORCH") == "cpu":
            sys.exit("PyTorch's own index, which has its CPU build, cannot be reached from here.")
        sizes = json.loads((HERE / "sizes.json").read_text(encoding="utf-8"))[platform_name]
        print(
            "PyTorch's own index, which has its CPU build, cannot be reached from here. Taking the package index's"
            f" build: {(sizes['torch'] + sizes['cuda']) / 1e6:,.0f} MB with CUDA. To spare that, stop (Ctrl-C), put the"
            " wheel that requirements/torch-cpu.txt names into a folder and set PIP_FIND_LINKS to it.",
            flush=True,
        )
        _pip_install(["torch", "cuda"])


def _cpu_build_by_pip() -> bool:
    """Where pip is set up to find it: a folder, a mirror; and always on macOS."""
    command = [*_PIP, *_INSTALL, "-r", str(HERE / "torch-cpu.txt")]
    return not subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode


def _cpu_build_by_uv() -> bool:
    """From PyTorch's index, whose address uv knows: given up after one try more, in seconds, where there is no way."""
    if subprocess.run([*_PIP, *_INSTALL, "-r", str(HERE / "uv.txt")], check=False).returncode:
        return False
    options = ["--quiet", "--no-deps", "--require-hashes", "--torch-backend", "cpu"]
    patience = {"UV_HTTP_RETRIES": "1", "UV_HTTP_CONNECT_TIMEOUT": "10", **os.environ}
    found = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, *options, "-r", "torch-cpu.txt"],
        cwd=HERE,
        env=patience,
        check=False,
        stderr=subprocess.DEVNULL,
    )
    return not found.returncode


if __name__ == "__main__":
    main(sys.argv[1:])
