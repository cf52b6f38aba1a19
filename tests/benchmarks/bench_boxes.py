"""Collages: a photograph of clothes at half size on another one that is blurred. Is it found first, by whom?

Usage: python tests/benchmarks/bench_boxes.py [PHOTOGRAPHS] [COLLAGES]

Every network searches with the whole collage, with the box that its own last map suggests, and with the true box, which
a person would draw. The gallery are the photographs themselves. Photographs and networks come from $DON_SHARED; the
network that comes along with the product is measured as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models_registry import registry
from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.pictures import open_rgb
from models_registry.regions import Locator, OwnMapLocator, TapMapLocator, box_overlap
from models_registry.spec import Box

SHARED = Path(os.environ.get("DON_SHARED", Path(__file__).resolve().parents[3] / "shared"))
CLOTHING = SHARED / "data" / "clothing" / "images"
HALF = {"mean": "0.5", "std": "0.5", "tap": "embedding"}
NETWORKS = {
    "mobilenet_v2_100_224": (f"onnx:{SHARED / 'models' / 'mobilenet_v2_100_224.onnx'}", HALF),
    "mobilenet_v1_050_160": (f"onnx:{SHARED / 'models' / 'mobilenet_v1_050_160.onnx'}", HALF),
    "efficientnet-lite0": ("efficientnet-lite0", {}),
}
SIDE, TARGET = 256, 0.2
"""The photo found first by its own map's box: this much more often than with the whole picture."""

Finder = Callable[[Image.Image, Box], Box | None]


def collage(thing: Path, ground: Path, chance: np.random.Generator) -> tuple[Image.Image, Box]:
    """The photograph at half of the collage's sides on a blurred other one, and where it is."""
    back = open_rgb(ground).resize((SIDE, SIDE)).filter(ImageFilter.GaussianBlur(6))
    front = open_rgb(thing)
    front.thumbnail((SIDE // 2, SIDE // 2))
    left, top = (int(chance.integers(0, SIDE - side + 1)) for side in front.size)
    back.paste(front, (left, top))
    return back, Box(left, top, left + front.width, top + front.height)


def locator_of(encoder: Encoder, source: str) -> Locator:
    return (
        OwnMapLocator(encoder.spec, Path(source.removeprefix("onnx:"))) if "onnx:" in source else TapMapLocator(encoder)
    )


def vectors_of(encoder: Encoder, pictures: list[Picture], tap: str) -> NDArray[np.float32]:
    found = np.concatenate([batch.vectors[tap] for batch in embed(encoder, pictures, taps=[tap])])
    lengths: NDArray[np.float32] = np.linalg.norm(found, axis=1, keepdims=True)
    return found / lengths


def vector_of(encoder: Encoder, image: Image.Image, box: Box | None, tap: str) -> NDArray[np.float32]:
    batch = np.empty((1, *encoder.input_shape), dtype=np.float32)
    encoder.prepare(batch[0], image, box)
    return encoder.encode(batch, [tap])[tap][0]


def measured(name: str, photographs: list[Path], collages: int) -> bool:
    source, options = NETWORKS[name]
    encoder = registry.load(registry.with_every_tap(registry.describe(source, options=options)), device="cpu")
    assert isinstance(encoder, Encoder)
    locator = locator_of(encoder, source)
    gallery = vectors_of(encoder, [Picture(str(path), path) for path in photographs], "embedding")
    encoder.set_threads(1)
    chance = np.random.default_rng(0)
    ranks: dict[str, list[int]] = {"whole picture": [], "own map": [], "true box": []}
    overlaps = []
    for number in chance.permutation(len(photographs))[:collages].tolist():
        other = photographs[(number + 1 + int(chance.integers(len(photographs) - 1))) % len(photographs)]
        image, true = collage(photographs[number], other, chance)
        suggested = locator.suggest(image)
        box = suggested[0].box if suggested else None
        overlaps.append(box_overlap(box, true) if box else 0.0)
        for way, used in (("whole picture", None), ("own map", box), ("true box", true)):
            likeness = gallery @ vector_of(encoder, image, used, "embedding")
            ranks[way].append(int(np.count_nonzero(likeness > likeness[number])))
    first = {way: float(np.mean(np.array(found) == 0)) for way, found in ranks.items()}
    for way, found in ranks.items():
        among = float(np.mean(np.array(found) < 10))
        print(f"{name:22} {way:14} first {first[way]:.2f}   among ten {among:.2f}")
    gain = first["own map"] - first["whole picture"]
    met = "yes" if gain >= TARGET else "NO"
    print(f"{name:22} own map {gain:+.2f} found first (at least {TARGET:+}: {met}); its box overlaps the truth by "
          f"{np.mean(overlaps):.2f}")  # fmt: skip
    return gain >= TARGET


def main() -> None:
    if not CLOTHING.is_dir():
        sys.exit(f"The photographs are not in {CLOTHING}; set DON_SHARED to where they are.")
    words = [int(word) for word in sys.argv[1:]]
    most, collages = (words + [700, 160][len(words) :])[:2]
    every = sorted(CLOTHING.rglob("*.jpg"))
    photographs = every[:: max(1, len(every) // most)][:most]
    print(f"\n{len(photographs)} photographs, {collages} collages of one at half size on another, blurred")
    for name in NETWORKS:
        measured(name, photographs, collages)


if __name__ == "__main__":
    main()
