"""Runs that learn from the votes of a study and of the rounds before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from django.db.models import Count, F, Q, QuerySet
from numpy.typing import NDArray

from evalapp.catalog.models import Item
from evalapp.catalog.queries import unflagged
from evalapp.contenders import pipeline as embeddings
from evalapp.contenders.models import Embedding, EmbeddingModel
from evalapp.core.plans import Piece
from evalapp.leaderboard.services import board_of
from evalapp.stats.voters import honesty
from evalapp.studies.models import Contender, Gallery, Study
from evalapp.training.lineage import rounds_up_to, salt_of
from evalapp.training.models import TrainingRun
from evalapp.training.sources.pictures import pieces, with_vectors, work
from evalapp.voting.models import ExposureKind, Vote
from models_registry.metrics import Metric, is_metric
from models_registry.training.base import recipe_named
from models_registry.training.votes.data import Ballots, Rival, Span, VoteData

_DRAWN = (ExposureKind.STUDY, ExposureKind.CONTROL, ExposureKind.IMPORTED)
"""Known answers and repeats are no news about taste."""
_VERDICTS = ("dope", "nope")


def study_of(run: TrainingRun) -> Study:
    """The study that a run learns from."""
    return Study.objects.select_related("catalogue").get(pk=int(run.data.removeprefix("study:")))


def cut(run: TrainingRun) -> Iterator[Piece]:
    """The pictures that have no vector of the base yet."""
    return pieces(run, _items(study_of(run)))


def data_of(run: TrainingRun) -> VoteData:
    """The items of the study's gallery that have vectors, and the votes about them."""
    study = study_of(run)
    rows, columns = with_vectors(run, _items(study), study.slug)
    rounds = rounds_up_to(study)
    ballots, voters = _ballots(rounds, {item.pk: row for row, item in enumerate(rows)})
    return VoteData(
        **columns,
        spans=_spans(run.parent, run.parent_tap),
        ballots=ballots,
        voters=voters,
        salt=salt_of(study),
        rivals=list(_rivals(study, [item.pk for item in rows], every=recipe_named(run.recipe).name == "calibrate")),
        sources={one.slug: f"{one.catalogue.slug} v{one.catalogue_version}" for one in rounds},
    )


def _items(study: Study) -> QuerySet[Item]:
    ids = Gallery.objects.values_list("items", flat=True).get(study=study)
    return unflagged(Item.objects.filter(pk__in=ids, removed=False)).order_by("key")


def _ballots(rounds: Sequence[Study], row_of: dict[int, int]) -> tuple[Ballots, list[str]]:
    """Counted verdicts of all rounds whose two items are there, each with its voter's honesty as weight."""
    votes = Vote.objects.filter(
        study__in=rounds, counted=True, verdict__in=_VERDICTS, exposure__kind__in=_DRAWN
    ).order_by("pk")
    columns = votes.values_list("pair__query__item_id", "pair__candidate_id", "voter_id", "verdict")
    lines = [
        (row_of[query], row_of[candidate], str(voter), verdict == "dope")
        for query, candidate, voter, verdict in columns.iterator(chunk_size=20_000)
        if query in row_of and candidate in row_of
    ]
    names = sorted({voter for _, _, voter, _ in lines})
    number = {name: place for place, name in enumerate(names)}
    trust = _trust(rounds, names)
    voter = np.array([number[line[2]] for line in lines], dtype=np.int64)
    ballots = Ballots(
        query=np.array([line[0] for line in lines], dtype=np.int64),
        candidate=np.array([line[1] for line in lines], dtype=np.int64),
        voter=voter,
        like=np.array([line[3] for line in lines], dtype=bool),
        weight=trust[voter] if len(voter) else np.empty(0),
    )
    return ballots, names


def _trust(rounds: Sequence[Study], voters: Sequence[str]) -> NDArray[np.float64]:
    """P(honest) of each voter, from all their answers to pairs whose answer is known."""
    known = (
        Vote.objects.filter(study__in=rounds, verdict__in=_VERDICTS, exposure__kind=ExposureKind.GOLD)
        .exclude(void_reason="undone")
        .values("voter_id")
        .annotate(right=Count("pk", filter=Q(verdict=F("exposure__expected"))), all=Count("pk"))
    )
    answered = {str(row["voter_id"]): (row["right"], row["all"] - row["right"]) for row in known}
    right = np.array([answered.get(voter, (0, 0))[0] for voter in voters], dtype=np.int64)
    wrong = np.array([answered.get(voter, (0, 0))[1] for voter in voters], dtype=np.int64)
    return np.asarray(honesty(right, wrong), dtype=np.float64)


def _spans(base: EmbeddingModel, tap: str) -> list[Span]:
    """What each encoder of a joint brings; a base that is no joint is one span."""
    parts = base.spec.get("options", {}).get("parts")
    if base.spec["family"] != "joint":
        dim = next(entry["dim"] for entry in base.spec["taps"] if entry["name"] == tap)
        return [Span(base.name, 0, dim)]
    names = dict(EmbeddingModel.objects.order_by("-pk").values_list("fingerprint", "name"))
    spans, start = [], 0
    for part in parts:
        stop = start + part["stop"] - part["start"]
        begun = f"[{part['start']}:{part['stop']}]" if part["start"] else ""
        spans.append(Span(f"{names.get(part['fingerprint'], 'gone')}.{part['tap']}{begun}", start, stop))
        start = stop
    return spans


def _rivals(study: Study, items: Sequence[int], *, every: bool) -> Iterator[Rival]:
    """The study's contenders, the leader first; with `every`, also registered embeddings that never competed."""
    place = {line.contender: number for number, line in enumerate(board_of(study).standings)}
    contenders = Contender.objects.filter(study=study, embedding__isnull=False).select_related("embedding__model")
    seen: set[tuple[int, str]] = set()
    for contender in sorted(contenders, key=lambda one: place.get(one.name, len(place))):
        if contender.embedding is not None and is_metric(contender.metric):
            seen.add((contender.embedding.pk, contender.metric))
            yield from _rival(contender.name, contender.embedding, contender.metric, items, competed=True)
    if every:
        others = Embedding.objects.filter(catalogue=study.catalogue).select_related("model")
        for embedding in others:
            if embedding.model.spec["family"] != "joint" and (embedding.pk, "cosine") not in seen:
                name = f"{embedding.model.name}.{embedding.tap}:cosine"
                yield from _rival(name, embedding, "cosine", items, competed=False)


def _rival(name: str, embedding: Embedding, metric: Metric, items: Sequence[int], *, competed: bool) -> Iterator[Rival]:
    """None where an item has no vector of it: it could not be compared on the same votes."""
    folder = embeddings.folder_of(embedding.model, embedding.tap)
    keys = [content.key for content in embeddings.contents(embedding.model, items)]
    if len(keys) == len(items) and not folder.missing(keys):
        yield Rival(name, metric, folder.reader(keys), competed)


__all__ = ["cut", "data_of", "study_of", "work"]
