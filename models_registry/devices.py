"""What there is to compute on."""

from __future__ import annotations

import os

_alike = {"processes": 1}


def share_cores(processes: int) -> None:
    """Say that this process is one of so many alike: each takes its share of the cores from now on, at least one."""
    _alike["processes"] = max(1, processes)


def usable_cores() -> int:
    """Cores this process may use, which in a container or among processes alike are fewer than the machine has."""
    return max(1, all_cores() // _alike["processes"])


def all_cores() -> int:
    """Cores that this process and those alike may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_in_words(device: str) -> str:
    """`auto`, `cpu` or `cuda` as a person would say it: the name of the GPU, or the number of cores."""
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} ({torch.cuda.mem_get_info()[1] / 2**30:.0f} GB)"
    cores = usable_cores()
    return f"CPU, {cores} core{'s' if cores > 1 else ''}"
