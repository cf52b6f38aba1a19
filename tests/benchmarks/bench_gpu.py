"""What a GPU is worth: embedding, neighbour search, a label recipe and tuning, each on the GPU over the processor.

The bare floor stands beside the embedding: the same forward passes on tensors that already lie on the device. Pictures
are drawn here. Under five minutes; without CUDA it says so and ends.
Run: python tests/benchmarks/bench_gpu.py [--pictures 2048] [--rows 200000]
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from models_registry import registry  # noqa: E402 - the repository is on the path only now
from models_registry.devices import compute_on, usable_cores  # noqa: E402
from models_registry.embed import Picture, embed  # noqa: E402
from models_registry.encoders.encoder_base import Encoder  # noqa: E402
from models_registry.encoders.encoder_choices import PRECISION  # noqa: E402
from models_registry.encoders.torch_encoder import TorchEncoder  # noqa: E402
from models_registry.errors import BadOption  # noqa: E402
from models_registry.neighbours import Neighbours, nearest  # noqa: E402
from models_registry.store import Vectors  # noqa: E402
from models_registry.training.common.run_checkpoints import load_state  # noqa: E402
from models_registry.training.labels.label_configs import TripletConfig  # noqa: E402
from models_registry.training.labels.labelled_pictures import LabelledPictures  # noqa: E402
from models_registry.training.labels.recipes.triplet import RECIPE  # noqa: E402
from models_registry.training.labels.run_context import digest_of  # noqa: E402

NETWORKS = ("efficientnet-lite0", "vgg16.random")
ON_CPU = 64
"""Pictures that the processor embeds: enough for a speed, and no more, since a VGG takes half a second for one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--rows", type=int, default=200_000)
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        print(f"torch {torch.__version__} finds no CUDA device here: there is nothing to compare.")
        return
    name = torch.cuda.get_device_name()
    print(f"{name}, torch {torch.__version__}, beside {usable_cores()} cores\n", flush=True)
    print(f"{'what':44} {'GPU':>12} {'CPU':>12} {'GPU / CPU':>10}  {'of bare floor':>13}", flush=True)
    pictures = drawn(asked.pictures)
    for network in NETWORKS:
        embedding(network, pictures)
    for metric in ("cosine", "l2", "l1", "hamming"):
        searching(metric, asked.rows)
    recipe("triplet over 1,280 numbers, epoch", labelled(40_000), TripletConfig(epochs=2, patience=2))
    tuned = TripletConfig(epochs=1, patience=1, tune="backbone", batches=4, groups=8, per_group=4)
    recipe("triplet tune=backbone, 4 batches of 32", labelled(320, with_pixels=True), tuned)


def drawn(count: int) -> list[Picture]:
    """JPEGs of 400 x 300 pixels, smooth and noisy as photographs are; 64 different ones, again and again."""
    rng = np.random.default_rng(0)
    stored = []
    for _ in range(64):
        coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize(
            (400, 300), Image.Resampling.BICUBIC
        )
        noisy = np.clip(np.asarray(coarse) + rng.normal(0, 8, (300, 400, 3)), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "JPEG", quality=90)
        stored.append(file.getvalue())
    return [Picture(str(number), stored[number % 64]) for number in range(count)]


def embedding(network: str, pictures: list[Picture]) -> None:
    """Pictures a second, decoded by feeding processes, through the network; the floor has no pictures to wait for."""
    try:
        spec = registry.describe(network, options={PRECISION: "bfloat16"})
    except BadOption:
        spec = registry.describe(network)
    speeds = []
    for device, some in (("cuda", pictures), ("cpu", pictures[:ON_CPU])):
        encoder = registry.load(spec, device=device)
        if not isinstance(encoder, Encoder):
            raise TypeError(f"{network} reads no pictures.")
        tap = spec.taps[0].name
        chunk = max(32, 8 * encoder.pass_size)
        _all(encoder, pictures[: 2 * encoder.pass_size], tap, chunk)  # processes begin, kernels are chosen
        speeds.append(len(some) / seconds(lambda e=encoder, p=some, t=tap, c=chunk: _all(e, p, t, c)))
        if device == "cuda" and isinstance(encoder, TorchEncoder):
            floor = _floor(encoder, spec.rules.size, tap)
    line(f"embedding, {network}", speeds[0], speeds[1], "/s", floor=speeds[0] / floor)


def _all(encoder: Encoder, pictures: list[Picture], tap: str, chunk: int) -> None:
    for start in range(0, len(pictures), chunk):
        for _ in embed(encoder, pictures[start : start + chunk], taps=[tap]):
            pass


def _floor(encoder: TorchEncoder, size: tuple[int, int], tap: str) -> float:
    """Pictures a second where they lie on the device already, in the model's precision."""
    is_half = encoder.spec.options.get(PRECISION) == "bfloat16"
    network = encoder._passes._network
    batch = torch.randn(encoder.pass_size, 3, *size, device="cuda").to(memory_format=torch.channels_last)

    def passes() -> None:
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=is_half):
            for _ in range(8):
                network(batch, [tap])
        torch.cuda.synchronize()

    passes()
    return 8 * len(batch) / seconds(passes)


def searching(metric: str, rows: int) -> None:
    """Queries a second among so many rows of 512 numbers; the answers of both are compared."""
    rng = np.random.default_rng(1)
    gallery = Vectors.from_array(rng.standard_normal((rows, 512)).astype(np.float32))
    queries = Vectors.from_array(rng.standard_normal((512, 512)).astype(np.float32))
    found, speeds = [], []
    for device in ("cuda", "cpu"):
        ask(queries, Vectors.from_array(gallery.rows(0, 4096)), metric, device)
        spent = seconds(lambda d=device: found.append(ask(queries, gallery, metric, d)))
        speeds.append(512 / spent)
    agree = float((found[0].indices == found[1].indices).mean())
    line(f"search, {metric}, {rows:,} rows ({agree:.4f} the same)", speeds[0], speeds[1], "/s")


def ask(queries: Vectors, gallery: Vectors, metric: str, device: str) -> Neighbours:
    return nearest(
        queries, gallery, metric=metric, k=10, device=device,  # type: ignore[arg-type]
        query_ids=np.arange(len(queries)) - len(queries), gallery_ids=np.arange(len(gallery)),
    )  # fmt: skip


def labelled(count: int, *, with_pixels: bool = False) -> LabelledPictures:
    """Vectors as if of EfficientNet, four of each product; pictures where they are looked at."""
    rng = np.random.default_rng(2)
    products = rng.standard_normal((count // 4, 1280)).astype(np.float32)
    vectors = np.repeat(products, 4, axis=0) + rng.standard_normal((count, 1280)).astype(np.float32)
    spec = registry.describe("efficientnet-lite0")
    keys = [f"{number:06d}" for number in range(count)]
    pictures = drawn(count) if with_pixels else drawn(1) * count
    return LabelledPictures(
        name="drawn", keys=keys, sha256s=keys,
        pictures=[replace(picture, key=key) for picture, key in zip(pictures, keys, strict=True)],
        categories=[f"c{number // 4 % 10}" for number in range(count)],
        products=[f"p{number // 4}" for number in range(count)],
        domains=[None] * count, splits=[None] * count, attributes=[{}] * count, base=spec, base_tap="embedding",
        base_weights=registry.files("efficientnet-lite0")[0], vectors=Vectors.from_array(vectors),
    )  # fmt: skip


class Enough(Exception):
    """The epochs to be timed are over."""


def recipe(what: str, data: LabelledPictures, config: TripletConfig) -> None:
    """Epochs a second, from report to report; and whether the GPU's checkpoint can be read without a GPU."""
    speeds = []
    with tempfile.TemporaryDirectory() as folder:
        for device in ("cuda", "cpu"):
            compute_on(device)
            times: list[float] = []

            def note(_report: object, times: list[float] = times) -> None:
                times.append(time.perf_counter())
                if len(times) > config.epochs:
                    raise Enough

            with suppress(Enough):
                RECIPE.run(data, config, Path(folder) / device, on_progress=note, resume=False)
            speeds.append(1 / (times[-1] - times[-2]))
        compute_on("auto")
        state = load_state(Path(folder) / "cuda" / "run.checkpoint", digest_of("triplet", config, data))
    line(what, speeds[0], speeds[1], "/s")
    places = set() if state is None else {str(value.device) for value in state["module"].values()}
    print(f"    the GPU's checkpoint as a machine without one reads it: {places or 'not readable'}", flush=True)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begun


def line(what: str, gpu: float, cpu: float, unit: str, *, floor: float | None = None) -> None:
    share = "" if floor is None else f"{floor:13.2f}"
    print(f"{what:44} {gpu:10.4g}{unit:>2} {cpu:10.4g}{unit:>2} {gpu / cpu:10.1f}  {share}", flush=True)


if __name__ == "__main__":  # feeding processes import this file anew
    main()
