"""Embedding a catalogue over the bare limit, and both taps of a network over one.

The limit is decoding alone (picture files to ready tensors) plus forward passes alone (ready tensors to vectors),
each by the faster of the two ways to keep every core busy: one call that uses them all, or a call per core.
Run: python tests/benchmarks/bench_embedding.py [--quick]
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from models_registry import registry  # noqa: E402 - the repository is on the path only now
from models_registry.devices import usable_cores  # noqa: E402
from models_registry.embed import Picture, embed  # noqa: E402
from models_registry.encoders.encoder_base import Encoder  # noqa: E402
from models_registry.pictures import open_rgb  # noqa: E402
from models_registry.preprocess import prepare_picture  # noqa: E402
from tests.benchmarks.harness import Row, at_least, at_most, print_table, timed_in_turns  # noqa: E402

SHARED = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
MOBILENET_OPTIONS = {"mean": "0.5", "std": "0.5", "tap": "embedding"}
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures and one repeat")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        files = pictures(64 if quick else 512, Path(folder))
        repeats = 1 if quick else 5
        rows: list[Row] = []
        for path in sorted((SHARED / "models").glob("mobilenet*.onnx")):
            encoder = load(f"onnx:{path}", MOBILENET_OPTIONS)
            rows += _over_limit(path.stem, encoder, ("embedding",), files, repeats)
        if not rows:
            print(f"No ONNX networks in {SHARED / 'models'}: their rows are left out.")
        small = registry.load(registry.describe("efficientnet-lite0"), weights=registry.files("efficientnet-lite0")[0])
        assert isinstance(small, Encoder)
        rows += _over_limit("efficientnet-lite0", small, ("embedding",), files[: 64 if quick else 256], repeats)
        vgg = load("vgg16.random", {})
        # A whole number of passes for every core, as in a worker's chunk.
        few = files[: 3 * vgg.pass_size * usable_cores()]
        rows += _over_limit("vgg16.random", vgg, ("fc6", "fc7"), few, 1 if quick else 3)
        rows.append(_both_taps(vgg, few, 1))
    print_table(f"Embedding on {usable_cores()} cores, {len(files)} pictures ({len(few)} for VGG16)", rows)


def load(source: str, options: dict[str, str]) -> Encoder:
    encoder = registry.load(registry.describe(source, options=options), device="cpu")
    assert isinstance(encoder, Encoder)
    return encoder


def _over_limit(name: str, encoder: Encoder, taps: tuple[str, ...], files: list[Path], repeats: int) -> list[Row]:
    decode_rgb, ours, decode, *forward = timed_in_turns(
        [
            lambda: _on_every_core(open_rgb, files),
            lambda: _embed(encoder, taps, files),
            *bare_calls(encoder, taps, files),
        ],
        repeats,
    )
    count = len(files)
    stricter = count / (decode_rgb + min(forward))
    return [
        at_least(name, count / ours, count / (decode + min(forward)), "pictures/s", 0.95),
        Row(f"{name}, limit without resizing", count / ours, stricter, "pictures/s", count / ours / stricter),
    ]


def bare_calls(encoder: Encoder, taps: tuple[str, ...], files: list[Path]) -> list[Callable[[], None]]:
    """Decoding alone; then the two ways of forward passes alone."""
    rules = encoder.spec.rules
    tensors = np.stack([prepare_picture(open_rgb(path), None, rules) for path in files[:BATCH]])
    return [
        lambda: _on_every_core(lambda path: prepare_picture(open_rgb(path), None, rules), files),
        lambda: _forward_whole(encoder, taps, tensors, len(files)),
        lambda: _forward_in_lanes(encoder, taps, tensors, len(files)),
    ]


def _both_taps(encoder: Encoder, files: list[Path], repeats: int) -> Row:
    both, one = timed_in_turns(
        [lambda: _embed(encoder, ("fc6", "fc7"), files), lambda: _embed(encoder, ("fc6",), files)], repeats
    )
    return at_most("vgg16.random, fc6 and fc7 over fc6", both, one, "s", 1.05)


def _embed(encoder: Encoder, taps: tuple[str, ...], files: list[Path]) -> None:
    pictures = [Picture(path.name, path) for path in files]
    done = sum(len(batch.indices) for batch in embed(encoder, pictures, taps=taps, batch_size=BATCH))
    assert done == len(files)


def _on_every_core(work: Callable[[Path], object], files: list[Path]) -> None:
    with ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(work, files):
            pass


def _forward_whole(encoder: Encoder, taps: tuple[str, ...], tensors: np.ndarray, count: int) -> None:
    """Batches of 32, every core inside the call."""
    encoder.set_threads(usable_cores())
    for start in range(0, count, BATCH):
        encoder.encode(tensors[: min(BATCH, count - start)], taps)


def _forward_in_lanes(encoder: Encoder, taps: tuple[str, ...], tensors: np.ndarray, count: int) -> None:
    """Small batches, one core inside each call, as many calls at once as there are cores."""
    encoder.set_threads(1)
    step = encoder.pass_size
    with ThreadPoolExecutor(usable_cores()) as pool:
        sizes = [min(step, count - start) for start in range(0, count, step)]
        for _ in pool.map(lambda size: encoder.encode(tensors[:size], taps), sizes):
            pass


def pictures(count: int, folder: Path) -> list[Path]:
    """Real photos where they are at hand, else drawn ones of the same size."""
    table = SHARED / "data" / "clothing" / "items.csv"
    if table.is_file():
        with table.open(newline="") as file:
            return [table.parent / row["image"] for row in csv.DictReader(file)][:count]
    print(f"No photos in {table.parent}: drawn pictures instead.")
    generator = np.random.default_rng(0)
    files = []
    for number in range(count):
        coarse = Image.fromarray(generator.integers(0, 256, (24, 18, 3), dtype=np.uint8))
        data = io.BytesIO()
        coarse.resize((192, 256), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
        files.append(folder / f"{number}.jpg")
        files[-1].write_bytes(data.getvalue())
    return files


if __name__ == "__main__":
    main()
