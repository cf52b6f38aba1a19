"""What people like against what labels say: do the automatic scores order the contenders as the crowd does?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.leaderboard.domain.results import Board
from evalapp.stats.correlation import rank_correlation
from evalapp.studies.models import Study
from evalapp.studies.queries.study_reads import stored_evaluation

_SCORES = (
    ("category_match", "Category match", "low", "high"),
    ("product_recall_at_1", "Product recall at 1", "product_recall_low", "product_recall_high"),
)
"""Name in the stored document, words for people, names of its interval's ends."""


def offline_of(study: Study, board: Board) -> dict[str, Any]:
    """Every automatic score that the labels allow, its contenders best first with their ranks (equal ones share one),
    and its rank correlation to approval; the control is left out."""
    document = stored_evaluation(study)
    if document is None:
        return {"scores": []}
    approvals = {line.contender: line.approval for line in board.standings if line.approval is not None}
    scores = [_score_document(document, approvals, *score) for score in _SCORES]
    return {"scores": [score for score in scores if score["points"]]}


def document_of(study: Study, board: Board) -> dict[str, Any]:
    """The board's document with what to do next, and the automatic scores beside what people say."""
    advice = board.advice(is_open=study.is_open)
    return {**board.as_json(), "advice": advice, "offline": offline_of(study, board)["scores"]}


def _score_document(
    document: dict[str, Any], approvals: dict[str, float], key: str, label: str, low: str, high: str
) -> dict[str, Any]:
    points = [
        {"contender": line["contender"], "value": line[key], "low": line[low], "high": line[high]}
        for line in document["contenders"]
        if line.get(key) is not None
    ]
    scored_and_liked = [
        (point["value"], approvals[point["contender"]]) for point in points if point["contender"] in approvals
    ]
    points.sort(key=lambda point: (-point["value"], point["contender"]))
    for point in points:
        point["rank"] = 1 + sum(other["value"] > point["value"] for other in points)
    correlation = rank_correlation([x for x, _ in scored_and_liked], [y for _, y in scored_and_liked])
    return {"key": key, "label": label, "points": points, "correlation": asdict(correlation)}
