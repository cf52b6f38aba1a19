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
from pathlib import Path
from typing import Any

from evalapp.catalog.demo.generate import generate
from models_registry.training.base import Outcome, configured, recipe_named
from models_registry.training.data import LabelledPictures
from tests.conftest import REPOSITORY
from tests.models_registry.training.real_data import drawn, photographs

SHARED = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
NETWORKS = ("mobilenet_v2_100_224", "mobilenet_v1_050_160")
UNPROVED = ("deep-ranking", "mobilenet_v2_100_224")
HALVES = {"by": "domains", "test_share": 0.5}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["clothing", "grocery", "demo", []], default=[])
    parts = parser.parse_args().parts or ["clothing", "grocery", "demo"]
    proofs = {"clothing": _clothing, "grocery": _grocery, "demo": _demo}
    held = [proofs[part]() for part in parts]
    return 0 if all(held) else 1


def _clothing() -> bool:
    """`retrain` beats the network's own embedding in category match."""
    held = True
    for network in NETWORKS:
        data = photographs(SHARED / "data" / "clothing", SHARED / "models" / f"{network}.onnx")
        outcome = _trained(data, "retrain")
        _print(f"clothing, retrain, {network}", outcome.metrics["table"])
        held &= _gains(outcome.metrics["headline"], "category_match")
    return held


def _grocery() -> bool:
    """`triplet` and `deep-ranking` on one half of the products raise recall@1 on the other half, street to shop."""
    held = True
    for network in NETWORKS:
        data = photographs(SHARED / "data" / "grocery", SHARED / "models" / f"{network}.onnx")
        for recipe in ("triplet", "deep-ranking"):
            outcome = _trained(data, recipe, **HALVES)
            for name, table in outcome.metrics.items():
                if name.startswith("table"):
                    way = name.removeprefix("table").strip() or outcome.metrics["way"]
                    _print(f"grocery, {recipe}, {network}, {way}", table)
            # Of deep-ranking the documentation claims it for the weaker network only.
            held &= _gains(outcome.metrics["headline"], "recall_at_1") or (recipe, network) == UNPROVED
    return held


def _demo() -> bool:
    """From pixels: several levels of attributes beat one attribute; what joint training is worth is printed."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / "demo")
        data = drawn(Path(folder) / "demo")
        levels = _trained(data, "multi-level")
        _print("demo, multi-level", levels.metrics["table"])
        tasks = _trained(data, "multi-task")
        _print("demo, multi-task", tasks.metrics["table"])
    for name, against in tasks.metrics["against"].items():
        print(f"joint - {name}: recall@1 {_told(against['recall_at_1'])}")
    against = levels.metrics["against"]["single attribute"]["recall_at_1"]
    print(f"multi-level - single attribute: recall@1 {_told(against)}")
    return bool(against["low"] > 0)


def _trained(data: LabelledPictures, recipe: str, **settings: Any) -> Outcome:
    entry = recipe_named(recipe)
    config = configured(entry.config_type(), settings)
    entry.load().check(data, config)
    begun, worked = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        outcome = entry.load().run(data, config, Path(folder), on_progress=lambda _report: None, resume=False)
    seconds, busy = time.perf_counter() - begun, time.process_time() - worked
    print(f"\n{recipe}: {seconds:.0f} s, {busy:.0f} s of processor time")
    return outcome


def _gains(headline: dict[str, Any], score: str) -> bool:
    difference = headline["differences"][score]
    print(f"{score} over the network's own vectors: {_told(difference)}")
    return bool(difference["low"] > 0)


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
