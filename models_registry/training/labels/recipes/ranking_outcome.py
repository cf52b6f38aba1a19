"""How a recipe that learns a metric ends: its tables, and what validation liked best, be it the own vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_registry.encoders.checkpoint import HeadSpec, HeadTap, apply_head
from models_registry.training.labels import validation as judging
from models_registry.training.labels.groups import ways_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from models_registry.metrics import Metric
    from models_registry.spec import EncoderSpec
    from models_registry.training.common.recipe_base import Outcome
    from models_registry.training.common.training_loop import FitSummary
    from models_registry.training.labels.label_configs import MetricConfig
    from models_registry.training.labels.run_context import Session

    Floats = NDArray[np.float32]

TAP = "embedding"
OWN, TRAINED = "own vectors", "trained"


def write_ranking_outcome(
    session: Session,
    config: MetricConfig,
    fitted: FitSummary,
    metric: Metric,
    *,
    vectors: Floats,
    head: tuple[HeadSpec, dict[str, Floats]],
    backbone: Mapping[str, Floats] | None = None,
    tuned: EncoderSpec | None = None,
) -> Outcome:
    """Write the better of two encoders by validation: the trained one, `vectors` [test pictures, d] of `head`, or the
    base network's own vectors at length 1. `metrics` tells both scores and which was kept.

    Where the validation pictures are of products, categories or departments that training does not show, this is what
    says beforehand that there is nothing to gain on such.
    """
    data, test, way = session.data, session.splits["test"], ways_of(config)[0]
    own_score = _own_score(session, way)
    is_own = own_score > fitted.best_score
    if is_own:
        head = _unit_length_head(session.features.dim)
        vectors, backbone, tuned = apply_head(*head, data.vectors.take(test)), None, None
    metrics = _final_tables(session, config, vectors, metric) | {
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "validation": max(own_score, fitted.best_score),
        "trained_validation": fitted.best_score,
        "own_validation": own_score,
        "kept": OWN if is_own else TRAINED,
        "neighbours": judging.neighbours_to_show(data, test, vectors, metric, way),
    }
    return session.write_outcome(*head, metrics, backbone=backbone, tuned=tuned)


def _own_score(session: Session, way: judging.Way) -> float:
    """What the base network's own vectors score on the validation pictures."""
    rows = session.splits["val"]
    question = judging.question_of(session.data, rows, way)
    return judging.ranking_score(judging.judge_vectors(question, session.data.vectors.take(rows), "cosine"))


def _unit_length_head(dim: int) -> tuple[HeadSpec, dict[str, Floats]]:
    return HeadSpec(("normalise",), (HeadTap(TAP, dim, 1),)), {}


def _final_tables(session: Session, config: MetricConfig, vectors: Floats, metric: Metric) -> dict[str, Any]:
    """The final tables, one per way of asking, and the headline of the first."""
    ways = ways_of(config)
    entries = session.metric_entries(vectors, ("cosine", "l2"))
    tables = [session.final_table(entries, way=way) for way in ways]
    others = {f"table {way.name}": table for way, table in zip(ways[1:], tables[1:], strict=True)}
    headline = judging.headline_scores(tables[0], f"{judging.TRAINED}:{metric}")
    return {"table": tables[0], **others, "headline": headline, "way": ways[0].name}
