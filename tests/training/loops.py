"""Turns of the loop in this process: striped cards, a crowd that goes by direction, work done at once."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from evalapp.catalog.models import Catalogue
from evalapp.contenders.services.registration import register_model
from evalapp.core.models import Job
from evalapp.core.pipeline import chunk_work
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Pair, Study
from evalapp.studies.services import StudyPlan, create_study, open_study
from evalapp.training.models import LIVE_LOOPS, LoopState, Retraining
from evalapp.training.services.retraining import advance_turn
from tests import cast

NETWORKS = ("tiny.fc6:cosine", "tiny.fc7:cosine")


def draw_cards(folder: Path, items: int = 120) -> Path:
    """Striped cards of any hue in four directions, listed in a CSV with their hue; the category is the direction."""
    rng = np.random.default_rng(8)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,category,hue"]
    for number in range(items):
        hue, turn = float(rng.random()), int(rng.integers(4))
        across, down = np.meshgrid(np.arange(40), np.arange(40))
        wave = np.sin((across * np.cos(turn * np.pi / 4) + down * np.sin(turn * np.pi / 4)) * 0.8 + rng.random() * 6)
        colour = np.array(colorsys.hsv_to_rgb(hue, 0.75, 0.85)) * 255
        pixels = colour * (0.75 + 0.25 * wave[..., None]) + rng.normal(0, 8, (40, 40, 3))
        name = f"card-{number:03d}.png"
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / name)
        lines.append(f"{name},turn-{turn},{hue:.4f}")
    (folder / "items.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "items.csv"


def open_cards(catalogue: Catalogue, queries: int = 60) -> Study:
    """A small network at two layers competes; a colour histogram is registered and does not."""
    register_model(source="tiny-vgg", name="tiny", options={})
    register_model(source="colour-histogram", name="colours", options={})
    study = create_study(StudyPlan(slug="cards", catalogue=catalogue, contenders=NETWORKS, queries=queries, top_k=3))
    do(request_job("precompute", f"study:{study.pk}"))
    open_study(study)
    study.refresh_from_db()
    return study


def do(job: Job) -> None:
    """Work on a job until it has ended."""
    while chunk_work.work_on(job.pk, seconds=60):
        pass


def play_on(turn: Retraining) -> Retraining:
    """Train, draft, compute and open: what beat and workers do, until people are to vote."""
    if turn.run.job is not None:
        do(turn.run.job)
    for _ in range(6):
        turn = Retraining.objects.get(pk=turn.pk)
        if turn.state not in LIVE_LOOPS or turn.state == LoopState.VOTING:
            break
        for job in advance_turn(turn):
            do(job)
    return Retraining.objects.select_related("following", "run__model").get(pk=turn.pk)


def vote(study: Study, votes: int, likes: Callable[[Pair], bool], voters: int = 25, seed: int = 0) -> None:
    """So many people share the votes, through the API; every tenth answer is a slip."""
    slips = np.random.default_rng(seed)
    for _ in range(voters):
        cast.play(cast.browser_of(cast.ada()), study, votes // voters, lambda pair: _said(pair, likes, slips))


def _said(pair: Pair, likes: Callable[[Pair], bool], slips: np.random.Generator) -> str:
    return "dope" if likes(pair) != (slips.random() < 0.1) else "nope"


def alike_in_turn(pair: Pair) -> bool:
    """Whether the stripes of the two cards run the same way, which the small network hardly sees."""
    return bool(pair.query.item.category == pair.candidate.category)
