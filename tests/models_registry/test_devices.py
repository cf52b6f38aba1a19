"""How many cores a process takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from models_registry import devices
from models_registry.devices import compute_on
from models_registry.encoders.torch_encoder import training_device
from models_registry.errors import EncoderError


def test_processes_alike_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_alike", {"processes": 1})
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    assert devices.usable_cores() == 8
    for processes, cores in ((2, 4), (3, 2), (16, 1)):
        devices.share_cores(processes)
        assert devices.usable_cores() == cores


def test_a_worker_says_what_it_computes_on_without_loading_torch() -> None:
    program = "import sys; from models_registry.devices import device_in_words; print(device_in_words('auto')); "
    program += "print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert said[0]
    assert said[1] == "False"


def test_a_gpu_is_named_where_torch_finds_one_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(devices, "usable_cores", lambda: 4)
    monkeypatch.setattr(devices, "_ASK_TORCH", "print('A GPU (80 GB)')")
    assert devices.device_in_words("auto") == "A GPU (80 GB)"
    assert devices.device_in_words("cpu") == "CPU, 4 cores"
    monkeypatch.setattr(devices, "_ASK_TORCH", "import no_such_engine")
    assert devices.device_in_words("cuda") == "CPU, 4 cores"


def test_training_computes_on_what_the_process_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    try:
        compute_on("auto")
        assert training_device().type == "cpu"
        compute_on("cuda")
        with pytest.raises(EncoderError, match="torch finds no GPU here"):
            training_device()
    finally:
        compute_on("auto")


def test_whether_there_is_a_gpu_is_asked_of_torch_only_where_there_may_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices.computes_on_gpu("cuda:1")
    assert not devices.computes_on_gpu("cpu")
    for may, there in ((False, True), (True, False), (True, True)):
        monkeypatch.setattr(devices, "_may_have_gpu", lambda may=may: may)
        monkeypatch.setattr("torch.cuda.is_available", lambda there=there: there)
        assert devices.computes_on_gpu("auto") is (may and there)


def test_free_memory_is_the_least_that_system_and_container_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, container, least in ((8, 5, 5), (8, None, 8), (None, 5, 5), (None, None, None)):
        monkeypatch.setattr(devices, "_free_by_system", lambda system=system: system)
        monkeypatch.setattr(devices, "_free_in_container", lambda container=container: container)
        assert devices.free_memory() == least
