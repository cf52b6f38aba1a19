"""Training over bare torch: steps a second of the loop, seconds per epoch of a wide head on cached features.

Both sides draw the same batches and take the same steps; the product's side also watches the loss, keeps the best and
writes a checkpoint after every epoch. Validation is left out on both sides. The two take turns in one run.
Run: python tests/benchmarks/bench_training.py [--quick]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from models_registry.devices import usable_cores  # noqa: E402 - the repository is on the path only now
from models_registry.training.common.training_loop import Measured, Task, fit  # noqa: E402
from models_registry.training.labels.batch_sampler import shuffled_batches  # noqa: E402
from models_registry.training.labels.label_configs import LoopConfig  # noqa: E402
from tests.benchmarks.harness import at_least, at_most, print_table, timed_in_turns  # noqa: E402

ITEMS, WIDTH, HIDDEN, CLASSES, BATCH = 20_000, 1280, 4096, 50, 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items")
    items = ITEMS // 10 if parser.parse_args().quick else ITEMS
    torch.set_num_threads(usable_cores())
    features, labels = torch.randn(items, WIDTH), torch.randint(CLASSES, (items,))
    ours, plain = timed_in_turns([_ours(features, labels), _plain(features, labels)], repeats=3)
    steps = items // BATCH
    rows = [
        at_least("steps of the loop", steps / ours, steps / plain, "steps/s", 0.85),
        at_most(f"epoch of a {HIDDEN}-wide head on {items:,} items", ours, plain, "s", 1.1),
    ]
    print_table(f"Training on cached features [{items:,} × {WIDTH}], batches of {BATCH}, Adadelta", rows)


def _head() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def _ours(features: torch.Tensor, labels: torch.Tensor) -> Callable[[], object]:
    def run() -> None:
        head = _head()
        rows = np.arange(len(features))

        def loss(batch: np.ndarray) -> tuple[torch.Tensor, dict[str, float]]:
            part = torch.from_numpy(batch)
            return nn.functional.cross_entropy(head(features[part]), labels[part]), {}

        task = Task(
            head,
            torch.optim.Adadelta(head.parameters(), lr=1.0),
            lambda _epoch, rng: shuffled_batches(rows, BATCH, rng),
            loss,
            lambda: Measured(0.0, {}),
        )
        with tempfile.TemporaryDirectory() as folder:
            config = LoopConfig(epochs=1, batch_size=BATCH)
            fit(task, config, Path(folder), "bench", on_progress=lambda _report: None, resume=False)

    return run


def _plain(features: torch.Tensor, labels: torch.Tensor) -> Callable[[], object]:
    def run() -> None:
        head = _head().train()
        optimiser = torch.optim.Adadelta(head.parameters(), lr=1.0)
        order = torch.randperm(len(features))
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            loss = nn.functional.cross_entropy(head(features[part]), labels[part])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()

    return run


if __name__ == "__main__":
    main()
