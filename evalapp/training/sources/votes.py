"""Runs that learn from the votes of a study and of the rounds before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count, F, Q
from numpy.typing import NDArray

from evalapp.catalog.models import Item
from evalapp.catalog.queries import unflagged
from evalapp.contenders import pipeline as embeddings
from evalapp.contenders.models import Embedding, EmbeddingModel
from evalapp.core.errors import Problem
from evalapp.core.plans import Fault, Piece
from evalapp.leaderboard.services import board_of
from evalapp.stats.voters import honesty
from evalapp.studies.models import Contender, Gallery, Study
from evalapp.training.lineage import rounds_up_to, salt_of
from evalapp.training.models import TrainingRun
from evalapp.voting.models import Exposure, ExposureKind, Vote
from models_registry.embed import Picture
from models_registry.metrics import Metric, is_metric
from models_registry.spec import Box, EncoderSpec
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
    items = list(_items(study_of(run)).values_list("pk", flat=True))
    missing = embeddings.items_without_vectors(run.parent, [run.parent_tap], items)
    for start in range(0, len(missing), settings.CHUNK_PICTURES):
        part = missing[start : start + settings.CHUNK_PICTURES]
        yield Piece({"items": part}, size=len(part))


def work(run: TrainingRun, arguments: dict[str, Any]) -> list[Fault]:
    """Embed some of them; a joint follows from what its parts have stored."""
    return embeddings.embed_items(run.parent, [run.parent_tap], arguments["items"])


def data_of(run: TrainingRun) -> VoteData:
    """The items of the study's gallery that have vectors, and the votes about them."""
    study = study_of(run)
    folder = embeddings.folder_of(run.parent, run.parent_tap)
    known = embeddings.contents(run.parent, _items(study).values_list("pk", flat=True))
    missing = set(folder.missing([content.key for content in known]))
    key_of = {content.item: content.key for content in known if content.key not in missing}
    rows = [item for item in _items(study).select_related("picture") if item.pk in key_of]
    if not rows:
        raise Problem(f"No picture of {study} has a vector of {run.parent}; see the faults of the job.")
    rounds = rounds_up_to(study)
    ballots, voters = _ballots(rounds, {item.pk: row for row, item in enumerate(rows)})
    return VoteData(
        name=study.slug,
        keys=[item.key for item in rows],
        sha256s=[item.picture.sha256 for item in rows],
        categories=[item.category or None for item in rows],
        products=[item.product or None for item in rows],
        pictures=[
            Picture(item.key, embeddings.source(item.picture.file), Box(*item.box) if item.box else None)
            for item in rows
        ],
        base=EncoderSpec.from_json(run.parent.spec),
        base_tap=run.parent_tap,
        base_weights=Path(settings.WEIGHTS_DIR) / run.parent.weights if run.parent.weights else None,
        vectors=folder.reader([key_of[item.pk] for item in rows]),
        spans=_spans(run.parent, run.parent_tap),
        ballots=ballots,
        voters=voters,
        salt=salt_of(study),
        rivals=list(_rivals(study, [item.pk for item in rows], every=recipe_named(run.recipe).name == "calibrate")),
        sources={one.slug: f"{one.catalogue.slug} v{one.catalogue_version}" for one in rounds},
    )


def _items(study: Study) -> Any:
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


__all__ = ["Exposure", "cut", "data_of", "study_of", "work"]
