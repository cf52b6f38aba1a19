"""Tastes that the blocks were not made for: the middle's colour and texture, computed from pixels in other ways.

A crowd that goes by both votes on what two networks put first; `adapter` learns; its first choices for queries that
nobody was asked are looked up in the taste. A simulation on vectors in memory, without categories.

Run: python -m tests.models_registry.training.votes.strange_tastes [--write]
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import cdist

from models_registry.embed import Picture, embed
from models_registry.encoders.encoder_base import Encoder
from models_registry.registry import blocks_of, describe, load
from models_registry.spec import EncoderSpec, Tap
from models_registry.store import Vectors
from models_registry.training.votes.recipes.adapter import chosen_map
from models_registry.training.votes.vote_configs import AdapterConfig
from models_registry.training.votes.vote_data import Ballots, Span, VoteData
from models_registry.training.votes.vote_run import map_rows, prepare_votes
from tests.conftest import REPOSITORY

Floats = NDArray[np.float64]
ITEMS, QUERIES, VOTES, VOTER_VOTES = 1_000, 650, 3_000, 50
NETWORKS = {"mv1": "mobilenet_v1_050_160", "mv2": "mobilenet_v2_100_224"}
DESCRIPTIONS = ("colour-histogram", "surface", "appearance")
DOCUMENT = REPOSITORY / "docs" / "loop.md"
BEGIN, END = "<!-- tastes -->\n", "<!-- end of tastes -->"
SEEDS = (51, 52)
_LIKED, _HALF_LIKED, _NOT_LIKED = 0.9, 0.35, 0.06


def middle(pixels: Floats, share: float) -> Floats:
    """The middle of [h, w, …], this share of each side."""
    down, across = (int(side * (1 - share) / 2) for side in pixels.shape[:2])
    return pixels[down : pixels.shape[0] - down, across : pixels.shape[1] - across]


def grey(pixels: Floats) -> Floats:
    return np.asarray(pixels @ [0.299, 0.587, 0.114])


def converted(pixels: Floats, mode: str) -> Floats:
    return np.asarray(Image.fromarray(pixels.astype(np.uint8)).convert(mode), dtype=np.float64)


def mean_colour(pixels: Floats) -> Floats:
    return np.asarray(middle(pixels, 0.5).reshape(-1, 3).mean(axis=0))


def median_luma_chroma(pixels: Floats) -> Floats:
    return np.asarray(np.median(converted(middle(pixels, 0.35), "YCbCr").reshape(-1, 3), axis=0))


def hue_histogram(pixels: Floats) -> Floats:
    hsv = converted(middle(pixels, 0.5), "HSV").reshape(-1, 3)
    counts, _ = np.histogramdd(hsv, bins=(8, 4, 4), range=((0, 256),) * 3)
    return np.asarray(counts.ravel() / len(hsv))


def unevenness(pixels: Floats) -> Floats:
    """Logarithm of the mean spread of lightness in squares of 8 pixels."""
    light = grey(middle(pixels, 0.5))
    rows, columns = (side // 8 for side in light.shape)
    squares = light[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)
    return np.array([np.log1p(squares.std(axis=(1, 3)).mean())])


def spectrum(pixels: Floats) -> Floats:
    """Logarithms of the energy in six rings of the Fourier spectrum."""
    light = np.asarray(Image.fromarray(grey(middle(pixels, 0.6)).astype(np.uint8)).resize((64, 64)), dtype=np.float64)
    taper = np.outer(np.hanning(64), np.hanning(64))
    energy = np.abs(np.fft.fftshift(np.fft.fft2((light - light.mean()) * taper))) ** 2
    radius = np.hypot(*np.mgrid[-32:32, -32:32])
    rings = ((1, 3), (3, 6), (6, 10), (10, 16), (16, 24), (24, 32))
    return np.log([energy[(radius >= low) & (radius < high)].sum() + 1e3 for low, high in rings])


def co_occurrence(pixels: Floats) -> Floats:
    """Contrast, homogeneity and uniformity of the grey levels of neighbours (Haralick, 1973), near and far."""
    levels = np.clip(grey(middle(pixels, 0.4)) / 16, 0, 15).astype(int)
    one, other = np.mgrid[:16, :16]
    numbers = []
    for step in (1, 3):
        table = np.zeros((16, 16))
        np.add.at(table, (levels[:, :-step].ravel(), levels[:, step:].ravel()), 1)
        np.add.at(table, (levels[:-step].ravel(), levels[step:].ravel()), 1)
        table /= table.sum()
        contrast = np.log1p(((one - other) ** 2 * table).sum())
        numbers += [contrast, 3 * (table / (1 + np.abs(one - other))).sum(), 2 * np.sqrt((table**2).sum())]
    return np.array(numbers)


def gabor_energy(pixels: Floats) -> Floats:
    """Logarithms of the mean answer of filters of three frequencies in four directions."""
    light = np.asarray(Image.fromarray(grey(middle(pixels, 0.5)).astype(np.uint8)).resize((96, 96)), dtype=np.float64)
    waves = np.fft.fft2(light - light.mean())
    down, across = np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96)[None]
    numbers = []
    for frequency in (0.08, 0.16, 0.32):
        for turn in np.arange(4) * np.pi / 4:
            off = (across - frequency * np.cos(turn)) ** 2 + (down - frequency * np.sin(turn)) ** 2
            numbers.append(
                np.log(2 + np.abs(np.fft.ifft2(waves * np.exp(-off / (2 * (frequency * 0.35) ** 2)))).mean())
            )
    return np.array(numbers)


def euclidean(rows: Floats) -> Floats:
    return np.asarray(cdist(rows, rows))


def shares_apart(rows: Floats) -> Floats:
    """One minus the intersection of histograms."""
    return np.asarray(cdist(rows, rows, "cityblock") / 2)


@dataclass(frozen=True)
class StrangeTaste:
    """What is computed of the middle's colour and of texture: both near is liked; `smooth`, the nearer the better."""

    name: str
    colour: Callable[[Floats], Floats]
    texture: Callable[[Floats], Floats]
    smooth: bool

    def likes(self, pictures: list[Floats]) -> Floats:
        """The probability that people like a pair [n, n]."""
        of_colour = np.stack([self.colour(pixels) for pixels in pictures])
        of_texture = np.stack([self.texture(pixels) for pixels in pictures])
        apart = shares_apart(of_colour) if self.colour is hue_histogram else euclidean(of_colour)
        rough = euclidean(of_texture)
        above = np.triu_indices(len(pictures), 1)
        if self.smooth:
            both = apart / np.median(apart[above]) + rough / np.median(rough[above])
            near = np.quantile(both[above], 0.06)
            return np.asarray(0.04 + 0.88 / (1 + np.exp((both - near) / 0.18)))
        near_colour, near_texture = apart < np.quantile(apart[above], 0.18), rough < np.quantile(rough[above], 0.33)
        half = near_colour | (rough < np.quantile(rough[above], 0.15))
        return np.where(near_colour & near_texture, _LIKED, np.where(half, _HALF_LIKED, _NOT_LIKED))


TASTES = (
    StrangeTaste("mean colour and unevenness", mean_colour, unevenness, smooth=False),
    StrangeTaste("hues and spectrum", hue_histogram, spectrum, smooth=False),
    StrangeTaste("mean colour and spectrum, the liker the better", mean_colour, spectrum, smooth=True),
    StrangeTaste("median colour and co-occurrence", median_luma_chroma, co_occurrence, smooth=False),
    StrangeTaste(
        "median colour and Gabor energies, the liker the better", median_luma_chroma, gabor_energy, smooth=True
    ),
)


@dataclass(frozen=True, eq=False)
class Shop:
    """Photographs with the vectors of each encoder, each at length 1."""

    name: str
    paths: list[Path]
    vectors: dict[str, NDArray[np.float32]]

    def draw(self, seed: int) -> Shop:
        """So many of them by lot."""
        rows = np.sort(np.random.default_rng(1000 + seed).choice(len(self.paths), ITEMS, replace=False))
        return Shop(self.name, [self.paths[row] for row in rows], {key: v[rows] for key, v in self.vectors.items()})

    def pixels(self) -> list[Floats]:
        return [np.asarray(Image.open(path).convert("RGB"), dtype=np.float64) for path in self.paths]


def shop_of(folder: Path, models: Path) -> Shop:
    """The photographs that `items.csv` of the folder lists."""
    with (folder / "items.csv").open(encoding="utf-8") as lines:
        names = [row["image"] for row in csv.DictReader(lines)]
    options = {"tap": "embedding", "mean": "0.5", "std": "0.5", "resize": "squash", "interpolation": "bilinear"}
    specs = {key: describe(f"onnx:{models / file}.onnx", options=options) for key, file in NETWORKS.items()}
    specs |= {family: describe(family) for family in DESCRIPTIONS}
    pictures = [Picture(name, folder / name) for name in names]
    return Shop(
        folder.name, [folder / name for name in names], {key: _units(spec, pictures) for key, spec in specs.items()}
    )


def _units(spec: EncoderSpec, pictures: list[Picture]) -> NDArray[np.float32]:
    encoder = load(spec)
    assert isinstance(encoder, Encoder)
    rows = np.concatenate([done.vectors["embedding"] for done in embed(encoder, pictures, taps=["embedding"])])
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def first_choices(units: NDArray[np.float32]) -> NDArray[np.int64]:
    """Everybody's nearest other, [n]."""
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    return np.asarray(cosines.argmax(axis=1))


def votes_on(shop: Shop, likes: Floats, asked: NDArray[np.int64], seed: int) -> Ballots:
    """Votes on both networks' first choices and on a random item for each query asked.

    Voters of fifty votes lean to liking by a deviation of .6 in log-odds; one answer in twenty is a slip, one voter in
    ten tosses coins.
    """
    rng = np.random.default_rng(seed)
    others = (asked + rng.integers(1, len(likes), len(asked))) % len(likes)
    shown = np.concatenate([*(first_choices(shop.vectors[key])[asked] for key in NETWORKS), others])
    pairs = np.unique(np.stack([np.tile(asked, len(NETWORKS) + 1), shown]), axis=1)
    voters = VOTES // VOTER_VOTES
    lean, noise = rng.normal(0, 0.6, voters), np.where(rng.random(voters) < 0.1, 1.0, 0.05)
    turns = [rng.permutation(pairs.shape[1]) for _ in range(VOTES // pairs.shape[1] + 1)]
    query, candidate = pairs[:, np.concatenate(turns)[:VOTES]]
    voter = np.arange(VOTES) % voters
    chance = likes[query, candidate]
    chance = 1 / (1 + (1 - chance) / chance * np.exp(-lean[voter]))
    chance = np.where(rng.random(VOTES) < noise[voter], 0.5, chance)
    return Ballots(query, candidate, voter, rng.random(VOTES) < chance, np.ones(VOTES))


def vote_data(shop: Shop, ballots: Ballots, described: tuple[str, ...]) -> VoteData:
    """The votes over the networks' vectors and the blocks of these descriptions, as `retrain` joins them."""
    spans, start = [], 0
    for key in (*NETWORKS, *described):
        blocks = blocks_of(describe(key)) if key in described else {key: (0, shop.vectors[key].shape[1])}
        spans += [Span(name, start + low, start + high) for name, (low, high) in blocks.items()]
        start += shop.vectors[key].shape[1]
    nothing: list[str | None] = [None] * ITEMS
    return VoteData(
        name=shop.name, keys=[f"{row}" for row in range(ITEMS)], sha256s=[f"{row:064x}" for row in range(ITEMS)],
        categories=nothing, products=nothing, pictures=[], base_tap="embedding", base_weights=None,
        base=EncoderSpec("onnx", 1, "onnx:joint", (Tap("embedding", start),), None, "0" * 64), spans=spans,
        vectors=Vectors.from_array(np.concatenate([shop.vectors[key] for key in (*NETWORKS, *described)], axis=1)),
        ballots=ballots, voters=[f"{voter}" for voter in range(VOTES // VOTER_VOTES)], salt=shop.name,
    )  # fmt: skip


def gains(shop: Shop, likes: Floats, seed: int, described: tuple[str, ...]) -> tuple[float, float]:
    """How far the child goes from the better network to the oracle: over queries that nobody was asked, and over those
    of the test part, asked or not, of which nothing was learnt."""
    asked = np.random.default_rng(seed).permutation(ITEMS)[:QUERIES]
    data = vote_data(shop, votes_on(shop, likes, asked, seed), described)
    config = AdapterConfig()
    prepared = prepare_votes(
        data, fewest=config.fewest, directions=config.directions, labels=False, seed=seed, lifted=True
    )
    fitted = chosen_map(data, config, prepared, prepared.ballots.summed_pairs(), lambda _: None).fitted
    child = first_choices(map_rows(prepared.deployed, fitted.weights))
    best = likes.copy()
    np.fill_diagonal(best, 0)

    def gain(queries: NDArray[np.int64]) -> float:
        parent = max(likes[queries, first_choices(shop.vectors[key])[queries]].mean() for key in NETWORKS)
        oracle = best[queries].max(axis=1).mean()
        return float((likes[queries, child[queries]].mean() - parent) / (oracle - parent))

    return gain(np.setdiff1d(np.arange(ITEMS), asked)), gain(np.flatnonzero(prepared.split.held_out))


def measured(shops: list[Shop]) -> Iterator[str]:
    """A line of the table for each taste and shop; every seed's numbers in it."""
    for taste in TASTES:
        for shop in shops:
            before, fresh, unseen = [], [], []
            for seed in SEEDS:
                drawn = shop.draw(seed)
                likes = taste.likes(drawn.pixels())
                before.append(gains(drawn, likes, seed, DESCRIPTIONS[:-1])[0])
                found = gains(drawn, likes, seed, DESCRIPTIONS)
                fresh.append(found[0])
                unseen.append(found[1])
            cells = [", ".join(f"{value:.2f}" for value in column) for column in (before, fresh, unseen)]
            yield f"| {taste.name} | {shop.name} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table; with --write it goes into the document."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--write", action="store_true")
    told = words.parse_args()
    shared = Path(os.environ.get("DON_SHARED", REPOSITORY.parent / "shared"))
    shops = [shop_of(shared / "data" / name, shared / "models") for name in ("clothing", "grocery")]
    lines = ["| taste | photographs | gain without `appearance` | gain | gain, as from outside |", "|---" * 5 + "|"]
    print("\n".join(lines), flush=True)
    for line in measured(shops):
        print(line, flush=True)
        lines.append(line)
    if told.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        DOCUMENT.write_text(f"{before}{BEGIN}" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
