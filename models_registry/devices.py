"""What there is to compute on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_alike = {"processes": 1}
_chosen = {"device": "auto"}


def share_cores(processes: int) -> None:
    """Say that this process is one of so many alike: each takes its share of the cores from now on, at least one."""
    _alike["processes"] = max(1, processes)


def compute_on(device: str) -> None:
    """Say what this process trains on: `auto`, `cpu`, `cuda` or `cuda:1`."""
    _chosen["device"] = device


def chosen_device() -> str:
    """What was said last, `auto` where nothing was."""
    return _chosen["device"]


def usable_cores() -> int:
    """Cores this process may use, which in a container or among processes alike are fewer than the machine has."""
    return max(1, all_cores() // _alike["processes"])


def all_cores() -> int:
    """Cores that this process and those alike may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes that this process may still take, by the system and by its container; None where neither says."""
    sizes = [size for size in (_free_by_system(), _free_in_container()) if size is not None]
    return min(sizes, default=None)


def _free_by_system() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    return int(fields["MemAvailable"][0]) * 1024 if "MemAvailable" in fields else None


def _free_in_container() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        most = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return max(0, int(most) - used) if most.isdigit() else None


def device_in_words(device: str) -> str:
    """`auto`, `cpu` or `cuda` as a person would say it: the name of the GPU, or the number of cores.

    torch, some 250 MB, is not loaded for the answer: a worker that has nothing to do yet stays small.
    """
    gpu = _name_of_gpu() if device != "cpu" and _may_have_gpu() else ""
    cores = usable_cores()
    return gpu or f"CPU, {cores} core{'s' if cores > 1 else ''}"


def computes_on_gpu(device: str) -> bool:
    """Whether networks of torch run on a GPU here when told `auto`, `cpu` or `cuda`; torch is asked at need only."""
    if device != "auto":
        return device.startswith("cuda")
    if not _may_have_gpu():
        return False
    import torch

    return torch.cuda.is_available()


def _may_have_gpu() -> bool:
    """Whether a driver has put a device where NVIDIA's, WSL's or AMD's does."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or any(Path(path).exists() for path in ("/dev/dxg", "/dev/kfd"))


_ASK_TORCH = """
import torch
if torch.cuda.is_available():
    print(f"{torch.cuda.get_device_name()} ({torch.cuda.mem_get_info()[1] / 2**30:.0f} GB)")
"""


def _name_of_gpu() -> str:
    """What torch finds, asked in a process that ends; empty where it finds none."""
    done = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
