"""Every public function of the statistics shows a worked example, and every example is true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import numpy as np
import pytest

from evalapp import stats

MODULES = sorted(
    name.removeprefix("evalapp.stats.")
    for _, name, is_package in pkgutil.walk_packages(stats.__path__, "evalapp.stats.")
    if not is_package
)


def module(name: str) -> ModuleType:
    return importlib.import_module(f"evalapp.stats.{name}")


@pytest.mark.parametrize("name", MODULES)
def test_its_examples_are_true(name: str) -> None:
    with np.printoptions(legacy=False):
        failed, _ = doctest.testmod(module(name), verbose=False)
    assert failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_one(name: str) -> None:
    there = module(name)
    without = [
        key
        for key, value in vars(there).items()
        if inspect.isfunction(value)
        and value.__module__ == there.__name__
        and not key.startswith("_")
        and ">>>" not in (value.__doc__ or "")
    ]
    assert without == []
