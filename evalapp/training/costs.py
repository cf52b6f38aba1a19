"""What an encoder costs beside what it is worth: size, dimensions, time per picture, recall; as a table and a plot."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from django.conf import settings

from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import active_items
from evalapp.contenders import pipeline as embeddings
from evalapp.training.models import TrainingRun
from models_registry.embed import Picture, embed
from models_registry.encoders.base import Encoder
from models_registry.spec import Box

_TIMED = 64
_WIDTH, _HEIGHT, _MARGIN = 640, 400, 64


@dataclass(frozen=True, slots=True)
class Cost:
    """One backbone with the same head as all others.

    `bytes` of its own weights (0 where it has none), `dimensions` of its vector and of the head's, `ms` per picture
    with decoding, on this machine (None for vectors computed elsewhere); recall@1 [value, high, low] of the head and
    `raw`, the backbone's own vectors, on the same unseen pictures.
    """

    backbone: str
    bytes: int
    dimensions: int
    head_dimensions: int
    ms: float | None
    recall: tuple[float, float, float]
    raw: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Floor:
    """What must be beaten on the same unseen pictures without any network; `recall` as in `Cost`."""

    name: str
    recall: tuple[float, float, float]


FLOORS = {"colours:l1": "colours alone", "random control": "chance"}
"""Lines of a run's table that every comparison repeats, and what they are called there."""


def floors_of(run: TrainingRun) -> list[Floor]:
    """Colours and chance as a finished run measured them."""
    lines = {line["name"]: line["scores"]["recall_at_1"] for line in run.metrics["table"]["lines"]}
    return [Floor(told, _interval(lines[name])) for name, told in FLOORS.items() if name in lines]


def cost_of(run: TrainingRun, catalogue: Catalogue) -> Cost:
    """The costs and the worth of a finished run's backbone."""
    lines = {line["name"]: line["scores"]["recall_at_1"] for line in run.metrics["table"]["lines"]}
    head = run.metrics["headline"]["scores"]["recall_at_1"]
    tap = embeddings.folder_of(run.parent, run.parent_tap)
    return Cost(
        backbone=f"{run.parent.name}.{run.parent_tap}",
        bytes=_size(run),
        dimensions=tap.dim or 0,
        head_dimensions=run.model.spec["taps"][-1]["dim"] if run.model else 0,
        ms=_milliseconds(run, catalogue),
        recall=_interval(head),
        raw=_interval(lines["raw features:cosine"]),
    )


def table_of(costs: Sequence[Cost], floors: Sequence[Floor]) -> str:
    """The table as Markdown, the best recall first, the floors last."""
    lines = [
        "| backbone | recall@1 with the head | its own vectors | MB | dimensions | ms per picture |",
        "|---|---|---|---|---|---|",
    ]
    for cost in sorted(costs, key=lambda one: -one.recall[0]):
        time_taken = "–" if cost.ms is None else f"{cost.ms:.1f}"
        lines.append(
            f"| {cost.backbone} | {_told(cost.recall)} | {_told(cost.raw)} | {cost.bytes / 1e6:.1f} | "
            f"{cost.dimensions} → {cost.head_dimensions} | {time_taken} |"
        )
    lines += [f"| {floor.name} | – | {_told(floor.recall)} | – | – | – |" for floor in floors]
    return "\n".join(lines) + "\n"


def plot_of(costs: Sequence[Cost], floors: Sequence[Floor]) -> str:
    """Recall@1 with its interval against milliseconds per picture (logarithmic); the dot's area is the size.

    Floors are dashed lines across.
    """
    timed = [(cost, cost.ms) for cost in costs if cost.ms]
    times = [ms for _, ms in timed] or [1.0]
    low, high = math.log10(min(times) / 1.5), math.log10(max(times) * 1.5)
    largest = max((cost.bytes for cost in costs), default=0) or 1
    marks = [_frame(10**low, 10**high), *(_across(floor) for floor in floors)]
    for cost, ms in timed:
        x = _MARGIN + (math.log10(ms) - low) / (high - low) * (_WIDTH - 2 * _MARGIN)
        y, top, bottom = (_height_of(value) for value in cost.recall)
        radius = 4 + 14 * math.sqrt(cost.bytes / largest)
        marks.append(
            f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="#2b1b31" stroke-width="2"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#3ccf8e" stroke="#2b1b31" stroke-width="2"/>'
            f'<text x="{x:.1f}" y="{top - 8:.1f}" text-anchor="middle">{escape(cost.backbone)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="13" role="img" aria-label="Recall at 1 against milliseconds per picture">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fffdf8"/>{"".join(marks)}</svg>\n'
    )


def _height_of(value: float) -> float:
    return _HEIGHT - _MARGIN - value * (_HEIGHT - 2 * _MARGIN)


def _across(floor: Floor) -> str:
    y = _height_of(floor.recall[0])
    return (
        f'<path d="M{_MARGIN} {y:.1f}H{_WIDTH - _MARGIN}" stroke="#6a5a6e" stroke-dasharray="4 4"/>'
        f'<text x="{_WIDTH - _MARGIN}" y="{y - 4:.1f}" text-anchor="end" fill="#6a5a6e">{escape(floor.name)}</text>'
    )


def _frame(fastest: float, slowest: float) -> str:
    right, bottom = _WIDTH - _MARGIN, _HEIGHT - _MARGIN
    ticks = "".join(
        f'<text x="{_MARGIN - 8}" y="{bottom - share * (bottom - _MARGIN) + 4:.1f}" text-anchor="end">{share:g}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<path d="M{_MARGIN} {_MARGIN}V{bottom}H{right}" fill="none" stroke="#6a5a6e"/>{ticks}'
        f'<text x="{_MARGIN}" y="{bottom + 20}">{fastest:.2g} ms</text>'
        f'<text x="{right}" y="{bottom + 20}" text-anchor="end">{slowest:.2g} ms per picture</text>'
        f'<text x="{_MARGIN}" y="{_MARGIN - 24}">recall@1</text>'
    )


def _size(run: TrainingRun) -> int:
    if run.parent.weights:
        path = Path(settings.WEIGHTS_DIR) / run.parent.weights
        return path.stat().st_size if path.is_file() else 0
    if run.parent.spec["family"] not in {"tiny-vgg", "vgg16.random"}:
        return 0
    from models_registry.encoders.vgg_network import blank, layout_of

    return sum(values.numel() * 4 for values in blank(layout_of(run.parent.spec["family"])).parameters())


def _milliseconds(run: TrainingRun, catalogue: Catalogue) -> float | None:
    encoder = embeddings.warm_encoder(run.parent.pk)
    if not isinstance(encoder, Encoder):
        return None
    pictures = [
        Picture(item.key, embeddings.source(item.picture.file), Box(*item.box) if item.box else None)
        for item in active_items(catalogue)[:_TIMED]
    ]
    for _ in range(2):  # the first time warms the caches
        begun = time.perf_counter()
        for _batch in embed(encoder, pictures, taps=[run.parent_tap]):
            pass
        taken = time.perf_counter() - begun
    return 1000 * taken / len(pictures)


def _interval(score: dict[str, Any]) -> tuple[float, float, float]:
    return score["value"] or 0.0, score["high"] or 0.0, score["low"] or 0.0


def _told(recall: tuple[float, float, float]) -> str:
    value, high, low = recall
    return f"{value:.3f} ({low:.3f}–{high:.3f})"
