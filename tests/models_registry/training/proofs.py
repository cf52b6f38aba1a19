"""What training is worth on real photographs and on the demo catalogue.

Run: python -m tests.models_registry.training.proofs [clothing] [grocery] [demo]

Minutes on two cores. Prints every table; ends with 1 where a claim of docs/training.md does not hold.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from evalapp.demo.generate import generate
from models_registry.metrics import Metric
from models_registry.training.common.recipe_base import Outcome, configure_recipe, recipe_named
from models_registry.training.labels.label_configs import RetrainConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import Way
from tests.conftest import REPOSITORY
from tests.models_registry.training.answers import HALVES, WAYS, Answered, answered, split_in_halves, unseen
from tests.models_registry.training.real_data import drawn, photographs

SHARED = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
NETWORKS = ("mobilenet_v2_100_224", "mobilenet_v1_050_160")
RANKING: dict[str, Metric] = {"triplet": "cosine", "deep-ranking": "l2"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["clothing", "grocery", "demo", []], default=[])
    parts = parser.parse_args().parts or ["clothing", "grocery", "demo"]
    proofs = {"clothing": _clothing, "grocery": _grocery, "demo": _demo}
    held = [proofs[part]() for part in parts]
    return 0 if all(held) else 1


def _clothing() -> bool:
    """`retrain` beats the network's own embedding in category match, by every metric."""
    held = True
    for network in NETWORKS:
        data = photographs(SHARED / "data" / "clothing", SHARED / "models" / f"{network}.onnx")
        with _trained(data, "retrain") as outcome:
            _print(f"clothing, retrain, {network}", outcome.metrics["table"])
            test = Session("retrain", data, RetrainConfig(), outcome.encoder_dir.parent).splits["test"]
            for metric in get_args(Metric):
                found = answered(data, test, outcome.encoder_dir, metric, metric, Way(""))
                _print_gain(f"{network}, {metric}, category match", found)
                held &= found.gain().low > 0
    return held


def _grocery() -> bool:
    """`triplet` and `deep-ranking` on one half of the products raise recall@1 on the other half, street to shop."""
    held = True
    for network in NETWORKS:
        data = photographs(SHARED / "data" / "grocery", SHARED / "models" / f"{network}.onnx")
        for recipe, metric in RANKING.items():
            found: dict[str, list[Answered]] = {way.name: [] for way in WAYS}
            for half in HALVES:
                halved = split_in_halves(data, half)
                with _trained(halved, recipe, by="domains", split="catalogue") as outcome:
                    _print(f"grocery, {recipe}, {network}, {half}", outcome.metrics["table"])
                    for way in WAYS:
                        found[way.name].append(
                            answered(halved, unseen(halved), outcome.encoder_dir, metric, "cosine", way)
                        )
                        _print_gain(f"{half}, {way.name}, recall@1", found[way.name][-1])
            for name, halves in found.items():
                _print_gain(f"{recipe}, {network}, both halves, {name}, recall@1", Answered.together(halves))
            held &= Answered.together(found[WAYS[0].name]).gain().low > 0
    return held


def _demo() -> bool:
    """From pixels: several levels of attributes beat one attribute; what joint training is worth is printed."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / "demo")
        data = drawn(Path(folder) / "demo")
        with _trained(data, "multi-level") as levels:
            _print("demo, multi-level", levels.metrics["table"])
        with _trained(data, "multi-task") as tasks:
            _print("demo, multi-task", tasks.metrics["table"])
    for name, against in tasks.metrics["against"].items():
        print(f"joint - {name}: recall@1 {_told(against['recall_at_1'])}")
    against = levels.metrics["against"]["single attribute"]["recall_at_1"]
    print(f"multi-level - single attribute: recall@1 {_told(against)}")
    return bool(against["low"] > 0)


@contextmanager
def _trained(data: LabelledPictures, recipe: str, **settings: Any) -> Iterator[Outcome]:
    entry = recipe_named(recipe)
    config = configure_recipe(entry.config_type(), settings)
    entry.load_recipe().check(data, config)
    begun, worked = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        outcome = entry.load_recipe().run(data, config, Path(folder), on_progress=lambda _report: None, resume=False)
        seconds, busy = time.perf_counter() - begun, time.process_time() - worked
        fits = {name: outcome.metrics[name] for name in ("epochs", "best_epoch", "fits") if name in outcome.metrics}
        print(f"\n{recipe}: {seconds:.0f} s, {busy:.0f} s of processor time, {fits}", flush=True)
        yield outcome


def _print_gain(title: str, found: Answered) -> None:
    told = f"{found.raw.mean():.3f} -> {found.trained.mean():.3f}, gain {_told(asdict(found.gain()))}"
    print(f"{title}: {told}, {len(found.raw)} queries", flush=True)


def _print(title: str, table: dict[str, Any]) -> None:
    print(f"{title}: {table['queries']} queries, {table['gallery']} to find, judged by {table['judge']}")
    for line in table["lines"]:
        scores = "  ".join(
            f"{name} {_told(score)}" for name, score in line["scores"].items() if score["value"] is not None
        )
        print(f"  {line['name']:24} {scores}")


def _told(score: dict[str, Any]) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


if __name__ == "__main__":
    sys.exit(main())
