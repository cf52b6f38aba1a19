"""How a recipe that learns a metric ends: its tables, and what validation liked best, be it the own vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.checkpoint import HeadSpec, HeadTap, apply_head
from models_registry.evaluate import paired_difference
from models_registry.training.labels import validation as judging
from models_registry.training.labels.groups import ways_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from models_registry.evaluate import Interval
    from models_registry.metrics import Metric
    from models_registry.spec import EncoderSpec
    from models_registry.training.common.recipe_base import Outcome
    from models_registry.training.common.training_loop import FitSummary
    from models_registry.training.labels.label_configs import MetricConfig
    from models_registry.training.labels.run_context import Session

    Floats = NDArray[np.float32]
    Ids = NDArray[np.int64]

TAP = "embedding"
OWN, TRAINED = "own vectors", "trained"


def write_ranking_outcome(
    session: Session,
    config: MetricConfig,
    fitted: FitSummary,
    metric: Metric,
    *,
    vectors_of: Callable[[Ids], Floats],
    head: tuple[HeadSpec, dict[str, Floats]],
    backbone: Mapping[str, Floats] | None = None,
    tuned: EncoderSpec | None = None,
) -> Outcome:
    """Write the better of two encoders by validation: the trained one, which gives the rows of pictures `vectors_of`
    by `head`, or the base network's own vectors at length 1. `metrics` tells both scores and which was kept.

    Where splits keep categories or departments whole, the trained one must surely be better, since what validates is
    one strange group and what will be asked about another; else a higher score is enough.
    """
    data, test, way = session.data, session.splits["test"], ways_of(config)[0]
    comparison = _compare_on_validation(session, way, vectors_of, metric)
    # Nothing is known where no validation picture has an answer that would be right.
    gain, surely = comparison.value or 0.0, comparison.low or 0.0
    is_own = surely <= 0 if config.split_by != "product" else gain < 0
    if is_own:
        head = _unit_length_head(session.features.dim)
        backbone, tuned = None, None
    vectors = apply_head(*head, data.vectors.take(test)) if is_own else vectors_of(test)
    own_score = fitted.best_score - gain
    metrics = _final_tables(session, config, vectors, metric) | {
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "validation": own_score if is_own else fitted.best_score,
        "trained_validation": fitted.best_score,
        "own_validation": own_score,
        "kept": OWN if is_own else TRAINED,
        "neighbours": judging.neighbours_to_show(data, test, vectors, metric, way),
    }
    return session.write_outcome(*head, metrics, backbone=backbone, tuned=tuned)


def _compare_on_validation(
    session: Session, way: judging.Way, vectors_of: Callable[[Ids], Floats], metric: Metric
) -> Interval:
    """By how much the trained vectors beat the base network's own on the validation pictures, as validation scores
    them; queries of one product, or of one category where that is what is judged, are drawn together."""
    data, rows = session.data, session.splits["val"]
    question = judging.question_of(data, rows, way)
    trained = judging.judge_queries(question, vectors_of(rows), metric)["map_at_r"]
    own = judging.judge_queries(question, data.vectors.take(rows), "cosine")["map_at_r"]
    labels = data.products if question.choose_judge() == "product" else data.categories
    _, clusters = np.unique([labels[row] or f"row {row}" for row in rows[question.queries]], return_inverse=True)
    return paired_difference(trained, own, clusters=clusters.astype(np.int64))


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
