"""Encoders by name: listed without being imported, told apart, refused in words."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from models_registry import registry
from models_registry.errors import BadOption, DuplicateFamily, EncoderError, UnknownFamily

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_list_and_the_descriptions_leave_the_heavy_libraries_alone() -> None:
    code = """
import sys
from models_registry import embed, registry, weights
from models_registry.evaluate import vector_checks
registry.list_families()
for source in ("tiny-vgg", "vgg16.random", "colour-histogram"):
    registry.describe(source)
heavy = {"torch", "onnxruntime", "faiss", "django", "pyarrow", "celery"} & set(sys.modules)
sys.exit(", ".join(sorted(heavy)) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("entry", registry.list_families(), ids=lambda entry: entry.name)
def test_every_family_is_where_the_list_says(entry: registry.FamilyEntry) -> None:
    module, _, attribute = entry.code.partition(":")
    family = getattr(import_module(module), attribute)

    assert isinstance(family.version, int)
    assert callable(family.describe)
    assert "\n" not in entry.summary
    assert entry.usage.startswith(entry.name)


def test_a_name_can_be_given_once() -> None:
    with pytest.raises(DuplicateFamily, match="already an encoder called tiny-vgg"):
        registry.register_family("tiny-vgg", "somewhere:ELSE", "another one")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("vgg16.imagnet", "Did you mean vgg16.imagenet"),
        ("tinyvgg", "Did you mean tiny-vgg"),
        ("color-histogram", "Did you mean colour-histogram"),
        ("zebra", "There are vgg16.imagenet"),
        ("", "nothing at all"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(source: str, complaint: str) -> None:
    with pytest.raises(UnknownFamily, match=complaint):
        registry.describe(source)


@pytest.mark.parametrize("source", ["tiny-vgg", "vgg16.random", "colour-histogram"])
def test_what_takes_no_argument_refuses_one(source: str) -> None:
    with pytest.raises(BadOption, match=f"nothing may follow {source}"):
        registry.describe(f"{source}:something")
    with pytest.raises(BadOption, match="no option colour"):
        registry.describe(source, options={"colour": "blue"})


@pytest.mark.parametrize("source", ["onnx:", "onnx", "vectors:"])
def test_a_family_of_files_asks_for_one(source: str) -> None:
    with pytest.raises(EncoderError, match="no file after"):
        registry.describe(source)


def test_a_spec_of_another_version_is_not_loaded_silently() -> None:
    spec = replace(registry.describe("colour-histogram"), version=0)

    with pytest.raises(EncoderError, match=r"version 0 .* Register it anew"):
        registry.load(spec)


@pytest.mark.parametrize(
    ("source", "way"),
    [
        ("pt2:net.pt2", r"torch\.onnx\.export\(torch\.export\.load\(FILE\), "),
        ("onnx:/nets/net.PT2", r"torch\.export's archive"),
        ("net.pth", r"torch\.onnx\.export\(model\.eval\(\), "),
        ("keras:net.keras", "tf2onnx.convert --keras"),
        ("net.engine", "take the ONNX file"),
    ],
)
def test_a_network_that_is_not_read_here_is_refused_with_the_way_to_convert_it(source: str, way: str) -> None:
    with pytest.raises(EncoderError, match=way) as caught:
        registry.describe(source)
    assert "\n" not in str(caught.value)
