"""`retrain`: the original's winner. Convolutions frozen, a new hidden layer and a softmax over the categories.

Dense(4096, ReLU) and softmax, sparse categorical cross-entropy, Adadelta; the new hidden layer is the embedding.
Frozen features are the same in every epoch, so they are computed once and this trains on a processor.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from models_registry.training.common.backbones import Backbone
from models_registry.training.common.heads import export_head
from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.common.training_loop import Measured, Task, fit
from models_registry.training.labels import validation as judging
from models_registry.training.labels.batch_sampler import balanced_batches, shuffled_batches
from models_registry.training.labels.run_context import Session, require_categories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.metrics import Metric
    from models_registry.training.common.recipe_base import OnProgress, Outcome
    from models_registry.training.labels.label_configs import RetrainConfig
    from models_registry.training.labels.labelled_pictures import LabelledPictures

    Ids = NDArray[np.int64]

TAP = "hidden"
METRIC: Metric = "cosine"


class Retrain:
    """The recipe."""

    def check(self, data: LabelledPictures, config: RetrainConfig) -> None:
        require_categories(data)

    def run(
        self, data: LabelledPictures, config: RetrainConfig, workdir: Path, *, on_progress: OnProgress, resume: bool
    ) -> Outcome:
        session = Session("retrain", data, config, workdir)
        classes = _choose_classes(session, config)
        number = {name: code for code, name in enumerate(classes)}
        codes = np.array([number.get(category or "", -1) for category in data.categories], dtype=np.int64)
        backbone = Backbone(session)
        head = _classifier_head(session.features.dim, config.hidden, len(classes), config.seed).to(backbone.device)
        rows = {name: part[codes[part] >= 0] for name, part in session.splits.items()}
        if not len(rows["val"]):
            raise UnusableLabels(
                f"No validation picture of {data.name} is of one of the {len(classes)} categories to tell apart: raise "
                "top_categories or validation_share, or set another salt."
            )
        task = _training_task(session, backbone, head, codes, rows, config)
        fitted = fit(task, config, workdir, session.digest, on_progress=on_progress, resume=resume)
        hidden = head[:2]
        test = session.splits["test"]
        vectors = backbone.head_vectors(hidden, test)
        table = session.final_table(session.metric_entries(vectors, ("cosine", "l2", "hamming")))
        metrics = {
            "table": table,
            "headline": judging.headline_scores(table, f"{judging.TRAINED}:{METRIC}"),
            "categories": classes,
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            "validation": fitted.best_score,
            "neighbours": judging.neighbours_to_show(data, test, vectors, METRIC, None),
        }
        return session.write_outcome(*export_head(list(head)[:2], [(TAP, 2)]), metrics, learnt=rows["train"])


def _choose_classes(session: Session, config: RetrainConfig) -> list[str]:
    """The categories to tell apart, chosen by how many training pictures they have; at least two of two pictures."""
    categories = (session.data.categories[row] for row in session.splits["train"].tolist())
    counts = Counter(category for category in categories if category)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    chosen = [name for name in ordered[: config.top_categories or len(ordered)] if counts[name] > 1]
    if len(chosen) < 2:
        raise UnusableLabels(
            f"Fewer than two categories have more than one training picture in {session.data.name}: there is nothing "
            "to tell apart."
        )
    return sorted(chosen)


def _classifier_head(width: int, hidden: int, classes: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def _training_task(
    session: Session,
    backbone: Backbone,
    head: nn.Sequential,
    codes: Ids,
    rows: dict[str, Ids],
    config: RetrainConfig,
) -> Task:
    labels = torch.from_numpy(codes)
    validation = session.splits["val"]
    question = judging.question_of(session.data, validation)
    hidden = head[:2]

    def vectors_of(part: Ids) -> NDArray[np.float32]:
        return backbone.head_vectors(hidden, part)

    plane_map = judging.Map(session.data.keys, validation, vectors_of)

    def batch_loss(batch: Ids) -> tuple[Tensor, dict[str, float]]:
        logits = head(backbone.base_vectors(batch, training=True))
        return nn.functional.cross_entropy(logits, labels[torch.from_numpy(batch)].to(backbone.device)), {}

    def measure_validation() -> Measured:
        validation_rows = rows["val"]
        logits = torch.from_numpy(backbone.head_vectors(head, validation_rows))
        expected = labels[torch.from_numpy(validation_rows)]
        missed = float(nn.functional.cross_entropy(logits, expected))
        values = {
            "validation_loss": missed,
            "validation_accuracy": float((logits.argmax(1) == expected).float().mean()),
        }
        values |= judging.judge_vectors(question, vectors_of(validation), METRIC)
        return Measured(-missed, values, plane_map.plane_positions(), plane_map.keys)

    def draw_batches(_epoch: int, rng: np.random.Generator) -> Iterator[Ids]:
        train = rows["train"]
        if config.balance:
            return balanced_batches(train, codes[train], config.batch_size, rng)
        return shuffled_batches(train, config.batch_size, rng)

    return Task(
        head,
        torch.optim.Adadelta(head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay),
        draw_batches,
        batch_loss,
        measure_validation,
    )


RECIPE = Retrain()
