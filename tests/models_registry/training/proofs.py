"""What training is worth on real photographs and on the demo catalogue.

Run: python -m tests.models_registry.training.proofs [clothing] [grocery] [departments] [demo]

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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from evalapp.demo.generate import generate
from models_registry.evaluate import split_whole_groups
from models_registry.metrics import Metric
from models_registry.training.common.recipe_base import Outcome, configure_recipe, recipe_named
from models_registry.training.labels.label_configs import RetrainConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import Way
from tests.conftest import REPOSITORY
from tests.models_registry.training.answers import HALVES, WAYS, Answered, answered, split_in_halves, unseen
from tests.models_registry.training.real_data import (
    as_departments,
    drawn,
    in_the_box,
    photographs,
    side_by_side_vectors,
)

SHARED = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
NETWORKS = ("mobilenet_v2_100_224", "mobilenet_v1_050_160")
IN_BOX = "efficientnet-lite0"
BOTH = f"{IN_BOX} beside {NETWORKS[0]}"
UNSEEN_CATEGORIES = {
    "Packages": ("Juice", "Sour-Cream", "Oatghurt"),
    "Vegetables": ("Tomato", "Pepper", "Onion", "Carrots"),
    "Clothes": ("dress", "shoes", "hat"),
}
"""Departments, and of each the categories that validate where training shows the department's others."""
NOT_SHOWN = {(IN_BOX, "triplet")}
"""Gains from street to shop whose interval holds 0: the table says so, and promises nothing."""
RANKING: dict[str, Metric] = {"triplet": "cosine", "deep-ranking": "l2"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["clothing", "grocery", "departments", "demo", []], default=[])
    parts = parser.parse_args().parts or ["clothing", "grocery", "departments", "demo"]
    proofs = {"clothing": _clothing, "grocery": _grocery, "departments": _departments, "demo": _demo}
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
    """`triplet` and `deep-ranking` on one half of the products raise recall@1 on the other half, street to shop; over
    two networks side by side, `triplet` finds 0.65 of either half."""
    held = True
    for name, data in _grocery_bases():
        for recipe, metric in RANKING.items():
            found: dict[str, list[Answered]] = {way.name: [] for way in WAYS}
            for half in HALVES:
                halved = split_in_halves(data, half)
                with _trained(halved, recipe, by="domains", split="catalogue") as outcome:
                    _print(f"grocery, {recipe}, {name}, {half}", outcome.metrics["table"])
                    for way in WAYS:
                        found[way.name].append(
                            answered(halved, unseen(halved), outcome.encoder_dir, metric, "cosine", way)
                        )
                        _print_gain(f"{half}, {way.name}, recall@1", found[way.name][-1])
            for way_name, halves in found.items():
                _print_gain(f"{recipe}, {name}, both halves, {way_name}, recall@1", Answered.together(halves))
            first_way = found[WAYS[0].name]
            if (name, recipe) not in NOT_SHOWN:
                held &= Answered.together(first_way).gain().low > 0
            if name == BOTH and recipe == "triplet":
                held &= all(half.trained.mean() >= 0.65 for half in first_way)
    return held


def _grocery_bases() -> Iterator[tuple[str, LabelledPictures]]:
    folder = SHARED / "data" / "grocery"
    mobile = {name: photographs(folder, SHARED / "models" / f"{name}.onnx") for name in NETWORKS}
    in_box = in_the_box(folder)
    yield from mobile.items()
    yield IN_BOX, in_box
    yield BOTH, side_by_side_vectors(in_box, mobile[NETWORKS[0]])


def _departments() -> bool:
    """What is learnt in two departments of three and asked about in the third: validated on one that training does not
    show, nothing is lost beyond 0.01; validated on other categories of the same departments, something is."""
    clothing, grocery = SHARED / "data" / "clothing", SHARED / "data" / "grocery"
    network = SHARED / "models" / f"{NETWORKS[0]}.onnx"
    held = True
    bases = {
        IN_BOX: as_departments(in_the_box(grocery), in_the_box(clothing)),
        NETWORKS[0]: as_departments(photographs(grocery, network), photographs(clothing, network)),
    }
    for name, data in bases.items():
        for third in UNSEEN_CATEGORIES:
            two = [department for department in UNSEEN_CATEGORIES if department != third]
            same = {category for department in two for category in UNSEEN_CATEGORIES[department]}
            splits = {row: "val" if data.categories[row] in same else "train" for row in _rows_of(data, two)}
            splits |= dict.fromkeys(_rows_of(data, [third]), "test")
            published = replace(data, splits=[splits.get(row) for row in range(len(data))])
            _ask_the_third(published, f"{name}, {third}, learnt and validated in the others", split="catalogue")
            for learnt, validated in (two, two[::-1]):
                told = f"{name}, {third}, learnt in {learnt}, validated in {validated}"
                salt = _salt_that_splits(data, learnt, validated)
                held &= _ask_the_third(data, told, split_by="department", salt=salt) >= -0.01
    return held


def _ask_the_third(data: LabelledPictures, title: str, **settings: Any) -> float:
    """By how much the category match in the third department differs from that of the network's own vectors."""
    with _trained(data, "triplet", by="category", **settings) as outcome:
        config = configure_recipe(recipe_named("triplet").config_type(), {"by": "category", **settings})
        test = Session("triplet", data, config, outcome.encoder_dir.parent).splits["test"]
        found = answered(data, test, outcome.encoder_dir, "cosine", "cosine", Way("", hide_products=True))
        scores = f"{outcome.metrics['own_validation']:.3f} -> {outcome.metrics['trained_validation']:.3f}"
        _print_gain(f"{title} ({scores}), kept {outcome.metrics['kept']}", found)
    return float(np.nanmean(found.trained) - np.nanmean(found.raw))


def _salt_that_splits(data: LabelledPictures, learnt: str, validated: str) -> str:
    """A salt by which one department trains and another validates."""
    names = [values.get("department") for values in data.attributes]
    for salt in map(str, range(100)):
        found = dict(zip(names, split_whole_groups(names, salt=salt), strict=True))
        if found[learnt] == "train" and found[validated] == "val":
            return salt
    raise AssertionError


def _rows_of(data: LabelledPictures, departments: list[str]) -> list[int]:
    return [row for row, values in enumerate(data.attributes) if values.get("department") in departments]


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
    told = f"{np.nanmean(found.raw):.3f} -> {np.nanmean(found.trained):.3f}, gain {_told(asdict(found.gain()))}"
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
