"""What there is to compute on."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Cores this process may run on, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_in_words(device: str) -> str:
    """`auto`, `cpu` or `cuda` as a person would say it: the name of the GPU, or the number of cores."""
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} ({torch.cuda.mem_get_info()[1] / 2**30:.0f} GB)"
    cores = usable_cores()
    return f"CPU, {cores} core{'s' if cores > 1 else ''}"
