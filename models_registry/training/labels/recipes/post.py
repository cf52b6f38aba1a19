"""`post`: nothing is trained; a frozen network's vectors are centred, whitened and brought to length 1.

    centre      minus the mean of the training pictures, without which signs (hamming) of most networks say nothing
    pca=N       the N directions in which the training pictures vary most, as they are
    whiten=N    the same at equal spread: what many pictures share no longer drowns what tells them apart (Jegou and
                Chum, Negative evidences and co-occurrences, 2012)
    l2          length 1

The steps become layers of a head like any other's: the encoder says in its spec what was done, and goes away with
`checkpoint` and ONNX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_registry.encoders.checkpoint import HeadSpec, HeadTap, apply_head
from models_registry.training.common.recipe_base import EpochReport
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels import validation as judging
from models_registry.training.labels.label_configs import post_steps
from models_registry.training.labels.run_context import Session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.encoders.checkpoint import LayerKind
    from models_registry.metrics import Metric
    from models_registry.training.common.recipe_base import OnProgress, Outcome
    from models_registry.training.labels.label_configs import PostConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures

    Floats = NDArray[np.float32]

TAP = "embedding"
METRIC: Metric = "cosine"
MOST_ROWS, MOST_DIM = 20_000, 4096
"""Directions are found on a draw of so many pictures; of wider vectors on as many as may be compared pair by pair."""


class Post:
    """The recipe."""

    def check(self, data: LabelledPictures, config: PostConfig) -> None:
        if len(data) < 10:
            raise UnusableLabels(f"{data.name} has {len(data)} pictures with a vector; 10 are needed.")

    def run(
        self, data: LabelledPictures, config: PostConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        session = Session("post", data, config, workdir)
        head, tensors = learnt_head(data.vectors.take(_draw_rows(session)), config.post)
        vectors = {name: _apply_to_split(session, name, head, tensors) for name in ("val", "test")}
        question = judging.question_of(data, session.splits["val"])
        on_progress(EpochReport("", 1, 1, judging.judge_vectors(question, vectors["val"], METRIC)))
        table = session.final_table(session.metric_entries(vectors["test"], ("cosine", "l2", "hamming")))
        test = session.splits["test"]
        metrics = {
            "table": table,
            "headline": judging.headline_scores(table, f"{judging.TRAINED}:{METRIC}"),
            "epochs": 1,
            "best_epoch": 1,
            "neighbours": judging.neighbours_to_show(data, test, vectors["test"], METRIC, None),
        }
        return session.write_outcome(head, tensors, metrics)


def learnt_head(rows: Floats, steps: tuple[str, ...]) -> tuple[HeadSpec, dict[str, Floats]]:
    """The head of these steps, learnt from vectors [n, d]; raises UnusableLabels for more directions than there are."""
    layers: list[LayerKind] = []
    tensors: dict[str, Floats] = {}
    vectors = rows
    for name, count in post_steps(steps):
        number = len(layers)
        if name == "centre":
            layers.append("centre")
            tensors[f"{number}.mean"] = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
            vectors = vectors - tensors[f"{number}.mean"]
        elif name == "l2":
            layers.append("normalise")
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
        else:
            layers.append("linear")
            tensors[f"{number}.weight"] = _principal_directions(vectors, count, scaled=name == "whiten")
            tensors[f"{number}.bias"] = np.zeros(count, dtype=np.float32)
            vectors = vectors @ tensors[f"{number}.weight"].T
    return HeadSpec(tuple(layers), (HeadTap(TAP, vectors.shape[1], len(layers)),)), tensors


def _principal_directions(rows: Floats, count: int, *, scaled: bool) -> Floats:
    """The `count` directions [count, d] in which rows [n, d] vary most, at a spread of 1 each if `scaled`."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    most = min(len(centred) - 1, centred.shape[1])
    if count > most:
        raise UnusableLabels(
            f"{len(centred):,} training pictures of {centred.shape[1]:,} numbers vary in {most:,} directions at most, "
            f"and {count:,} are asked for: lower the number, or bring more pictures."
        )
    # Few rows' inner products have the same axes as their many numbers.
    if centred.shape[1] <= len(centred):
        values, axes = np.linalg.eigh(centred.T @ centred)
        directions = axes[:, ::-1][:, :count].T
    else:
        values, sides = np.linalg.eigh(centred @ centred.T)
        directions = sides[:, ::-1][:, :count].T @ centred
        directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    spread = np.sqrt(np.maximum(values[::-1][:count], 0) / len(centred))
    # A direction has no sign of its own: by its largest entry, the same pictures give the same signs everywhere.
    directions *= np.sign(directions[np.arange(count), np.abs(directions).argmax(axis=1)])[:, None]
    if scaled:
        directions /= np.maximum(spread, 1e-6 * max(float(spread[0]), 1e-12))[:, None]
    return np.asarray(directions, dtype=np.float32)


def _draw_rows(session: Session) -> NDArray[np.int64]:
    """The training pictures that are looked at, in their order."""
    rows = session.splits["train"]
    most = MOST_ROWS if session.data.vectors.dim <= MOST_DIM else MOST_DIM
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(session.config.seed).choice(rows, most, replace=False))


def _apply_to_split(session: Session, split: str, head: HeadSpec, tensors: dict[str, Floats]) -> Floats:
    return apply_head(head, tensors, session.data.vectors.take(session.splits[split]))


RECIPE = Post()
