"""How a run measures itself: on pictures it has not seen, beside the raw features, the colours and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.evaluate import Entry, Question, compare_entries, map_at_r, recall_at
from models_registry.training.common.training_errors import Diverged
from models_registry.training.labels.published_splits import GALLERY, QUERY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from models_registry.evaluate import Table
    from models_registry.metrics import Metric
    from models_registry.training.labels.labelled_pictures import LabelledPictures

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float32]

RAW, COLOURS, TRAINED = "raw features", "colours", "trained"
MOST_QUERIES = 5000
LARGEST = 1e12
"""Values beyond this leave float32 when they are squared and summed."""
_NEIGHBOURS_SHOWN = 12
_POINTS = 300


@dataclass(frozen=True, slots=True)
class Way:
    """From which domain is asked and in which one is answered, None is all. With `hide_products` nobody is answered
    with the same product, so that answers are judged by category. With `by_roles` pictures whose split is `query` ask
    and those of `gallery` answer, where the catalogue has such."""

    name: str
    queries: str | None = None
    gallery: str | None = None
    hide_products: bool = False
    by_roles: bool = False


def question_of(data: LabelledPictures, rows: Ids, way: Way | None = None) -> Question:
    """Every picture of `rows` asks for its likes among the others, or from one domain in another.

    The question's own table has a row per picture of `rows`, in their order.
    """
    way = way or Way("")
    domains = [data.domains[row] for row in rows.tolist()]
    everything = np.arange(len(rows))
    query_rows = everything if way.queries is None else np.array([d == way.queries for d in domains]).nonzero()[0]
    gallery_rows = everything if way.gallery is None else np.array([d == way.gallery for d in domains]).nonzero()[0]
    if way.by_roles:
        query_rows, gallery_rows = _in_role(data, rows, query_rows, QUERY), _in_role(data, rows, gallery_rows, GALLERY)
    if len(query_rows) > MOST_QUERIES:
        query_rows = np.sort(np.random.default_rng(0).choice(query_rows, MOST_QUERIES, replace=False))
    _, pictures = np.unique([data.sha256s[row] for row in rows.tolist()], return_inverse=True)
    return Question(
        query_rows,
        gallery_rows,
        [data.categories[row] for row in rows.tolist()],
        [data.products[row] for row in rows.tolist()],
        pictures.astype(np.int64),
        hide_products=way.hide_products,
    )


def _in_role(data: LabelledPictures, rows: Ids, positions: Ids, role: str) -> Ids:
    """Those of the places whose picture has the role; all where none has."""
    has_role = np.array([(data.splits[row] or "").lower() == role for row in rows[positions].tolist()], dtype=bool)
    return positions[has_role] if has_role.any() else positions


def judge_vectors(question: Question, vectors: Floats, metric: Metric) -> dict[str, float]:
    """Category match, recall and mAP@R of vectors [rows, d]: quick, without intervals, for the curves."""
    scores = judge_queries(question, vectors, metric)
    return {name: float(np.nanmean(v)) for name, v in scores.items() if not np.isnan(v).all()}


def judge_queries(question: Question, vectors: Floats, metric: Metric) -> dict[str, NDArray[np.float64]]:
    """The same per query [Q], nan where a query has no answer that would be right."""
    if not np.isfinite(vectors).all() or float(np.abs(vectors).max(initial=0.0)) > LARGEST:
        raise Diverged("The vectors are no usable numbers any more: lower learning_rate.")
    judge = question.choose_judge()
    width = int(np.minimum(question.relevant_answers(judge), 100).max(initial=10))
    answers = question.nearest_answers(vectors, metric, width)
    hits = question.judge_answers(answers, judge)
    return {
        "category_match": question.match_of_others(vectors, metric),
        "recall_at_1": recall_at(hits, 1),
        "recall_at_5": recall_at(hits, 5),
        "recall_at_10": recall_at(hits, 10),
        "map_at_r": map_at_r(hits, most=100),
    }


def ranking_score(values: Mapping[str, float]) -> float:
    """What a recipe that ranks is judged by: mAP@R, or the category match where nothing else is known."""
    return values.get("map_at_r", values.get("category_match", 0.0))


def final_table(
    data: LabelledPictures,
    rows: Ids,
    entries: Sequence[Entry],
    *,
    baseline: str = f"{RAW}:cosine",
    way: Way | None = None,
) -> Table:
    """The table over the test pictures `rows`; entries have a row per picture of `rows`. Opened once per run."""
    return compare_entries(question_of(data, rows, way), entries, baseline=baseline)


def baseline_entries(data: LabelledPictures, rows: Ids) -> list[Entry]:
    """What the trained vectors must beat: the base network's own, and the colours alone."""
    raw = data.vectors.take(rows)
    return [
        Entry(f"{RAW}:cosine", raw, "cosine"),
        Entry(f"{RAW}:l2", raw, "l2"),
        Entry(f"{COLOURS}:l1", colour_vectors(data, rows), "l1"),
    ]


def colour_vectors(data: LabelledPictures, rows: Ids) -> Floats:
    """Colour histograms [rows, d]; zeros for a picture that cannot be read any more."""
    from models_registry.embed import embed
    from models_registry.encoders.encoder_base import Encoder
    from models_registry.registry import describe, load

    encoder = load(describe("colour-histogram"), device="cpu")
    if not isinstance(encoder, Encoder):
        raise TypeError("Colours are read from pictures.")
    tap = encoder.spec.taps[0]
    histograms = np.zeros((len(rows), tap.dim), dtype=np.float32)
    for batch in embed(encoder, [data.pictures[row] for row in rows.tolist()], taps=[tap.name]):
        histograms[batch.indices] = batch.vectors[tap.name]
    return histograms


def neighbours_to_show(
    data: LabelledPictures, rows: Ids, vectors: Floats, metric: Metric, way: Way | None
) -> dict[str, Any]:
    """The best and the worst answers: right ones that are nearest, wrong ones that are nearest, by their keys."""
    question = question_of(data, rows, way)
    judge = question.choose_judge()
    answers = question.nearest_answers(vectors, metric, 1)
    hits = question.judge_answers(answers, judge)
    answered = np.flatnonzero(hits.relevant > 0)
    order = answered[np.argsort(answers.distances[answered, 0], kind="stable")]
    is_right = hits.right[:, 0].astype(bool)

    def describe_answer(query: int) -> dict[str, Any]:
        candidate = int(question.gallery[answers.top[query]])
        return {
            "query": data.keys[int(rows[question.queries[query]])],
            "candidate": data.keys[int(rows[candidate])],
            "distance": round(float(answers.distances[query, 0]), 4),
        }

    best = [describe_answer(int(query)) for query in order if is_right[query]][:_NEIGHBOURS_SHOWN]
    worst = [describe_answer(int(query)) for query in order if not is_right[query]][:_NEIGHBOURS_SHOWN]
    return {"judge": judge, "best": best, "worst": worst}


class Map:
    """Places in the plane for the same few pictures after every epoch: the two directions in which they vary most,
    turned so that the picture moves as little as it can from the epoch before."""

    def __init__(self, keys: Sequence[str], rows: Ids, vectors_of: Callable[[Ids], Floats]) -> None:
        chosen = rows if len(rows) <= _POINTS else rows[np.linspace(0, len(rows) - 1, _POINTS).astype(int)]
        self._rows = chosen
        self._vectors_of = vectors_of
        self._before: NDArray[np.float64] | None = None
        self.keys = tuple(keys[row] for row in chosen.tolist())

    def plane_positions(self) -> tuple[tuple[float, float], ...]:
        """[n, 2] in -1..1."""
        vectors = self._vectors_of(self._rows).astype(np.float64)
        centred = vectors - vectors.mean(axis=0)
        # The few pictures' inner products have the same axes as their many numbers, and always converge.
        values, axes = np.linalg.eigh(centred @ centred.T)
        flat = np.zeros((len(centred), 2))
        width = min(2, axes.shape[1])
        flat[:, :width] = (axes * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, :width]
        flat /= max(float(np.abs(flat).max(initial=0.0)), 1e-12)
        flat = _turn_onto(flat, self._before)
        self._before = flat
        return tuple((float(x), float(y)) for x, y in flat)


def _turn_onto(flat: NDArray[np.float64], before: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """The places turned or mirrored onto those before (orthogonal Procrustes)."""
    if before is None:
        return flat
    left, _, right = np.linalg.svd(flat.T @ before)
    return np.asarray(np.clip(flat @ (left @ right), -1, 1))


def headline_scores(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The trained line's scores and differences to the baseline, from a table as JSON."""
    line = next(line for line in table["lines"] if line["name"] == name)
    return {"name": name, "scores": line["scores"], "differences": line["differences"]}
