"""`make lock`: turns the sets of pyproject.toml into the hashed lists beside this file.

Needs network and uv (requirements/uv.txt). One resolution serves Python 3.11 to 3.14 on Linux (x86-64, arm64) and
macOS (Apple silicon); what is pinned already stays unless pyproject.toml wants another version or `--upgrade` is given.
Each list holds what its set needs beyond the sets below it, wheels only, so lists are combined by naming several:

    python -m pip install --no-deps --require-hashes -r requirements/web.txt -r requirements/embedded.txt

sizes.json holds what a set downloads, in bytes, for the newest Python of each platform.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent / "pyproject.toml"
PLATFORMS = {
    "linux-x86_64": ("manylinux", "x86_64"),
    "linux-aarch64": ("manylinux", "aarch64"),
    "macos-arm64": ("macosx", "arm64"),
}
SETS = ("web", "embedded", "worker", "train", "fast", "s3", "hf", "lora", "heif")
TORCH_CPU_BYTES = {"linux-x86_64": 191_817_609, "linux-aarch64": 155_005_253}
"""The wheels for Python 3.12 in PyTorch's own index, which uv's lock does not look at."""
_UV_VERSION = "0.13.9"
_LINUX = "(platform_machine == 'aarch64' or platform_machine == 'x86_64') and sys_platform == 'linux'"
_EVERYWHERE = f"platform_machine == 'arm64' and sys_platform == 'darwin' or {_LINUX}"
_EACH = (
    "((platform_machine == 'arm64' and sys_platform == 'darwin')"
    " or (platform_machine == 'aarch64' and sys_platform == 'linux')"
    " or (platform_machine == 'x86_64' and sys_platform == 'linux'))"
)


def digest_of_sets() -> str:
    """A checksum of what is locked; lists that bear another one are stale."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    wanted = [project["requires-python"], project["dependencies"], project["optional-dependencies"]]
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Resolve once, then write a list for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest of what pyproject.toml does not name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _resolve(Path(folder), keep={} if options.upgrade else pins_of(*HERE.glob("*.txt")))
        wheels = _wheels(Path(folder) / "uv.lock")
        lists = {name: _export(Path(folder), name) for name in SETS}
    below = dict(lists["web"])
    files = {"web": lists["web"]}
    for name in SETS[1:]:
        files[name] = {package: marker for package, marker in lists[name].items() if package not in below}
        # Optional sets may be asked for alone, on top of the worker; only the worker's own list lies below them.
        below |= files[name] if name in {"embedded", "worker"} else {}
    worker = files["worker"]
    files["torch"] = {package: worker.pop(package) for package in list(worker) if package.startswith("torch==")}
    files["cuda"] = {package: worker.pop(package) for package in list(worker) if _is_cuda(package)}
    files["uv"] = {f"uv=={_UV_VERSION}": ""}
    for name, entries in files.items():
        _write(HERE / f"{name}.txt", name, entries, wheels)
    _write_plain(HERE.parent / "requirements.txt", {**files["web"], **files["embedded"], **worker, **files["torch"]})
    (HERE / "sizes.json").write_text(json.dumps(_sizes(files, wheels), indent=1) + "\n", encoding="utf-8")


def pins_of(*files: Path) -> dict[str, str]:
    """Name and version of everything the lists pin; where Pythons differ, of the newest."""
    found = [re.findall(r"^([\w.-]+)==([^\s;\\]+)", file.read_text(encoding="utf-8"), re.MULTILINE) for file in files]
    return {name: version for pairs in found for name, version in pairs if "+" not in version}


def _resolve(folder: Path, keep: dict[str, str]) -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    environments = [
        "sys_platform == 'linux' and platform_machine == 'x86_64'",
        "sys_platform == 'linux' and platform_machine == 'aarch64'",
        "sys_platform == 'darwin' and platform_machine == 'arm64'",
    ]
    extras = project["optional-dependencies"] | {"uv": [f"uv=={_UV_VERSION}"]}
    # TOML's arrays and strings are written as JSON's.
    lines = [
        "[project]",
        'name = "lock"',
        'version = "0"',
        f"requires-python = {json.dumps(project['requires-python'])}",
        f"dependencies = {json.dumps(project['dependencies'])}",
        "[project.optional-dependencies]",
        *(f"{name} = {json.dumps(packages)}" for name, packages in extras.items()),
        "[tool.uv]",
        "package = false",
        f"environments = {json.dumps(environments)}",
        f"constraint-dependencies = {json.dumps([f'{name}=={version}' for name, version in sorted(keep.items())])}",
    ]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    subprocess.run(["uv", "lock", "--quiet", "--no-config"], cwd=folder, check=True)


def _export(folder: Path, name: str) -> dict[str, str]:
    """`package==version` of the web set and this one, each with its marker."""
    extra = [] if name == "web" else ["--extra", name]
    plain = ["--no-hashes", "--no-header", "--no-annotate", "--no-emit-project"]
    done = subprocess.run(
        ["uv", "export", "--quiet", "--frozen", *plain, *extra], cwd=folder, check=True, capture_output=True, text=True
    )
    pairs = (line.partition(" ; ") for line in done.stdout.splitlines() if "==" in line)
    return {package: _simple(marker) for package, _, marker in pairs}


def _simple(marker: str) -> str:
    """The marker without what holds on all platforms the lock is for."""
    found = marker.replace(f" and {_EACH}", "").replace(_EVERYWHERE, "").replace(_LINUX, "sys_platform == 'linux'")
    if "platform_machine" in found:
        sys.exit(f"A marker that make_lock.py does not know: {marker}")
    return found


def _wheels(lock: Path) -> dict[str, list[dict[str, Any]]]:
    """The wheels of each `package==version` that fit a platform of ours."""
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    return {
        f"{package['name']}=={package['version']}": [
            {"file": wheel["url"].rsplit("/", 1)[1], "hash": wheel["hash"], "size": wheel["size"]}
            for wheel in package.get("wheels", ())
            if not re.search(r"musllinux|-cp\d+t-|-cp310-cp310-|-pp\d", wheel["url"])
        ]
        for package in packages
    }


def _is_cuda(package: str) -> bool:
    return package.startswith(("nvidia-", "cuda-", "triton=="))


def _write(file: Path, name: str, entries: dict[str, str], wheels: dict[str, list[dict[str, Any]]]) -> None:
    lines = [f"# The set `{name}`, by `make lock` from pyproject.toml {digest_of_sets()[:16]}.", "--only-binary :all:"]
    for package, marker in sorted(entries.items()):
        hashes = sorted({wheel["hash"] for wheel in wheels[package]})
        parts = [f"{package} ; {marker}" if marker else package, *(f"    --hash={digest}" for digest in hashes)]
        lines.append(" \\\n".join(parts))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_plain(file: Path, entries: dict[str, str]) -> None:
    lines = [
        "# What the product runs on: the sets web, embedded and worker, by `make lock` from pyproject.toml.",
        "# On Linux plain pip takes the build of torch that brings CUDA, 2 GB more; `make` takes the one without, and",
        "# the hashed lists in requirements/.",
        *(f"{package} ; {marker}" if marker else package for package, marker in sorted(entries.items())),
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sizes(files: dict[str, dict[str, str]], wheels: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, int]]:
    found = {}
    for platform, (system, machine) in PLATFORMS.items():
        found[platform] = {
            name: sum(
                _size(wheels[package], system, machine)
                for package, marker in entries.items()
                if "<" not in marker and not ("linux" in marker and system == "macosx")
            )
            for name, entries in files.items()
        }
        found[platform]["torch-cpu"] = TORCH_CPU_BYTES.get(platform, found[platform]["torch"])
    return found


def _size(wheels: list[dict[str, Any]], system: str, machine: str) -> int:
    """The largest wheel that fits: Pythons differ by little, and a promise should not be broken."""
    fitting = [
        wheel["size"]
        for wheel in wheels
        if wheel["file"].endswith("-any.whl")
        or (system in wheel["file"] and (machine in wheel["file"] or "universal2" in wheel["file"]))
    ]
    return max(fitting, default=0)


if __name__ == "__main__":
    main()
