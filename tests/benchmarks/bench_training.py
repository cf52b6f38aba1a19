"""Training over bare torch: steps a second of the loop, seconds per epoch of a wide head on cached features.

Both sides draw the same batches; the product's side also watches the loss, keeps the best and writes a checkpoint after
every epoch. Validation is left out on both sides. They take turns in one run. From pixels the product's side varies
every picture and prepares it anew, the bare one passes a ready batch forward and backward.
Run: python tests/benchmarks/bench_training.py [--quick]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from evalapp.catalog.demo.generate import generate  # noqa: E402 - the repository is on the path only now
from models_registry.devices import usable_cores  # noqa: E402
from models_registry.encoders.vgg_network import drawn as drawn_network  # noqa: E402
from models_registry.encoders.vgg_network import layout_of  # noqa: E402
from models_registry.training.backbones import TunedVgg  # noqa: E402
from models_registry.training.configs import LoopConfig  # noqa: E402
from models_registry.training.loop import Measured, Task, fit  # noqa: E402
from models_registry.training.sampler import shuffled_batches  # noqa: E402
from models_registry.training.session import Session  # noqa: E402
from tests.benchmarks.harness import at_least, at_most, print_table, timed_in_turns  # noqa: E402
from tests.models_registry.training.real_data import drawn  # noqa: E402

ITEMS, WIDTH, HIDDEN, CLASSES, BATCH = 20_000, 1280, 4096, 50, 128
PIXEL_BATCH, PIXEL_STEPS, AUGMENT = 64, 20, 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items")
    items = ITEMS // 10 if parser.parse_args().quick else ITEMS
    torch.set_num_threads(usable_cores())
    features, labels = torch.randn(items, WIDTH), torch.randint(CLASSES, (items,))
    ours, plain, passes = timed_in_turns(
        [_ours(features, labels), _plain(features, labels), _plain(features, labels, step=False)], repeats=3
    )
    steps = items // BATCH
    rows = [
        at_most(f"epoch of a {HIDDEN}-wide head on {items:,} items", ours, plain, "s", 1.1),
        at_least("steps of the loop over forward, backward, step", steps / ours, steps / plain, "steps/s", 0.85),
        at_least("steps of the loop over forward, backward", steps / ours, steps / passes, "steps/s", 0.85),
    ]
    print_table(f"Training on cached features [{items:,} × {WIDTH}], batches of {BATCH}, Adadelta", rows)
    with tempfile.TemporaryDirectory() as folder:
        task, ready = _pixels(Path(folder))
        varied, still, bare = timed_in_turns([_fitted(task(AUGMENT)), _fitted(task(0.0)), _passes(ready)], repeats=3)
    rows = [
        at_least("steps from pictures that are varied", PIXEL_STEPS / varied, PIXEL_STEPS / bare, "steps/s", 0.85),
        at_least("steps from pictures as they are", PIXEL_STEPS / still, PIXEL_STEPS / bare, "steps/s", 0.85),
    ]
    print_table(f"Training tiny-vgg from pixels, batches of {PIXEL_BATCH}, over forward and backward", rows)


def _head() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def _ours(features: torch.Tensor, labels: torch.Tensor) -> Callable[[], object]:
    def task() -> Task:
        head = _head()
        rows = np.arange(len(features))

        def loss(batch: np.ndarray) -> tuple[torch.Tensor, dict[str, float]]:
            part = torch.from_numpy(batch)
            return nn.functional.cross_entropy(head(features[part]), labels[part]), {}

        optimiser = torch.optim.Adadelta(head.parameters(), lr=1.0)
        return Task(head, optimiser, lambda _epoch, rng: shuffled_batches(rows, BATCH, rng), loss, _unmeasured)

    return _fitted(task)


def _plain(features: torch.Tensor, labels: torch.Tensor, *, step: bool = True) -> Callable[[], object]:
    def run() -> None:
        head = _head().train()
        optimiser = torch.optim.Adadelta(head.parameters(), lr=1.0)
        order = torch.randperm(len(features))
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            loss = nn.functional.cross_entropy(head(features[part]), labels[part])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            if step:
                optimiser.step()

    return run


def _fitted(task: Callable[[], Task]) -> Callable[[], object]:
    """One epoch of the product's loop."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            fit(task(), LoopConfig(epochs=1), Path(folder), "bench", on_progress=lambda _report: None, resume=False)

    return run


def _unmeasured() -> Measured:
    return Measured(0.0, {})


def _pixels(folder: Path) -> tuple[Callable[[float], Callable[[], Task]], torch.Tensor]:
    """A task over drawn garments by how strongly they are varied, and one ready batch of them."""
    generate(folder / "demo")
    data = drawn(folder / "demo")

    def task(augment: float) -> Callable[[], Task]:
        backbone = TunedVgg(Session("bench", data, LoopConfig(), folder), augment=augment)
        backbone.take(np.arange(len(data)), training=False)  # pictures are decoded once per run, not per epoch
        return lambda: _on_pixels(backbone, len(data))

    pixels = TunedVgg(Session("bench", data, LoopConfig(), folder), augment=0.0)
    return task, pixels.pixels(np.arange(PIXEL_BATCH), training=False)


def _on_pixels(backbone: TunedVgg, pictures: int) -> Task:
    def batches(_epoch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        for _ in range(PIXEL_STEPS):
            yield rng.choice(pictures, PIXEL_BATCH, replace=False)

    def loss(rows: np.ndarray) -> tuple[torch.Tensor, dict[str, float]]:
        return backbone.take(rows, training=True).square().mean(), {}

    optimiser = torch.optim.AdamW(backbone.module.parameters(), lr=1e-5)
    return Task(backbone.module, optimiser, batches, loss, _unmeasured)


def _passes(ready: torch.Tensor) -> Callable[[], object]:
    """The same number of forward and backward passes of tiny-vgg on the ready batch."""

    def run() -> None:
        network = drawn_network(layout_of("tiny-vgg"), 0)
        for _ in range(PIXEL_STEPS):
            loss = network(ready, ["pool5"])["pool5"].square().mean()
            network.zero_grad(set_to_none=True)
            loss.backward()

    return run


if __name__ == "__main__":
    main()
