"""Runs that learn from the votes of a study and of the rounds before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import Count, F, Q, QuerySet
from numpy.typing import NDArray

from evalapp.catalog.models import Item
from evalapp.catalog.queries import unflagged
from evalapp.contenders.models import Embedding, EmbeddingModel
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.job_plans import Piece
from evalapp.core.domain.job_targets import target_id
from evalapp.leaderboard.services import board_of, update_sums
from evalapp.stats.voter_honesty import chance_honest
from evalapp.studies.models import Contender, Study
from evalapp.studies.services.pair_flags import in_play
from evalapp.training.models import TrainingRun
from evalapp.training.pipeline.datasets.picture_vectors import embed_piece, pieces_without_vectors, with_vectors
from evalapp.training.queries.rounds import items_asked_about, rounds_up_to, salt_of
from evalapp.voting.domain.verdicts import LIKED, PAIR_KINDS, VERDICTS
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import ExposureKind, Vote
from models_registry.metrics import Metric, is_metric
from models_registry.registry import blocks_of
from models_registry.spec import EncoderSpec
from models_registry.training.common.recipe_base import recipe_named
from models_registry.training.votes.vote_data import Ballots, Rival, Span, VoteData

_LEARNT_FROM = (*PAIR_KINDS, ExposureKind.SEARCH)
"""Answers of a search stand in an order that an encoder chose: no board counts them, but they tell of taste."""


def study_of(run: TrainingRun) -> Study:
    """The study that a run learns from."""
    return Study.objects.select_related("catalogue").get(pk=target_id("study", run.data))


def cut_pieces(run: TrainingRun) -> Iterator[Piece]:
    """The pictures that have no vector of the base yet."""
    return pieces_without_vectors(run, _items_of_study(study_of(run)))


def data_of(run: TrainingRun) -> VoteData:
    """The items of the study's gallery and its queries that have vectors, and the votes about them."""
    study = study_of(run)
    rows, columns = with_vectors(run, _items_of_study(study), study.slug)
    rounds = rounds_up_to(study)
    gallery = set(study.gallery.items)
    ballots, voters = _ballots_of_rounds(rounds, {item.pk: row for row, item in enumerate(rows)})
    return VoteData(
        **columns,
        spans=_spans_of_base(run.parent, run.parent_tap),
        ballots=ballots,
        voters=voters,
        answers=[item.pk in gallery for item in rows] if study.query_domain != study.gallery_domain else [],
        salt=salt_of(study),
        rivals=list(
            _rivals_of_study(study, [item.pk for item in rows], every=recipe_named(run.recipe).name == "calibrate")
        ),
        sources={earlier.slug: f"{earlier.catalogue.slug} v{earlier.catalogue_version}" for earlier in rounds},
    )


def _items_of_study(study: Study) -> QuerySet[Item]:
    return unflagged(Item.objects.filter(pk__in=items_asked_about(study), removed=False)).order_by("key")


def _ballots_of_rounds(rounds: Sequence[Study], row_of: dict[int, int]) -> tuple[Ballots, list[str]]:
    """Counted verdicts of all rounds whose two items are there, each with its voter's honesty as weight; those on
    pairs that were flagged since are none."""
    counted = Vote.objects.filter(study__in=rounds, counted=True, verdict__in=VERDICTS, exposure__kind__in=_LEARNT_FROM)
    votes = in_play(counted).order_by("pk")
    columns = votes.values_list("pair__query__item_id", "pair__candidate_id", "voter_id", "verdict")
    lines = [
        (row_of[query], row_of[candidate], str(voter), verdict == LIKED)
        for query, candidate, voter, verdict in columns.iterator(chunk_size=20_000)
        if query in row_of and candidate in row_of
    ]
    names = sorted({voter for _, _, voter, _ in lines})
    number = {name: place for place, name in enumerate(names)}
    trust = _trust_of_voters(rounds, names)
    voter = np.array([number[line[2]] for line in lines], dtype=np.int64)
    ballots = Ballots(
        query=np.array([line[0] for line in lines], dtype=np.int64),
        candidate=np.array([line[1] for line in lines], dtype=np.int64),
        voter=voter,
        like=np.array([line[3] for line in lines], dtype=bool),
        weight=trust[voter] if len(voter) else np.empty(0),
    )
    return ballots, names


def _trust_of_voters(rounds: Sequence[Study], voters: Sequence[str]) -> NDArray[np.float64]:
    """P(honest) of each voter, from all their answers to pairs whose answer is known."""
    gold_rows = (
        Vote.objects.filter(study__in=rounds, verdict__in=VERDICTS, exposure__kind=ExposureKind.GOLD)
        .exclude(void_reason=UNDONE)
        .values("voter_id")
        .annotate(right=Count("pk", filter=Q(verdict=F("exposure__expected"))), all=Count("pk"))
    )
    answered = {str(row["voter_id"]): (row["right"], row["all"] - row["right"]) for row in gold_rows}
    right = np.array([answered.get(voter, (0, 0))[0] for voter in voters], dtype=np.int64)
    wrong = np.array([answered.get(voter, (0, 0))[1] for voter in voters], dtype=np.int64)
    return np.asarray(chance_honest(right, wrong), dtype=np.float64)


def _spans_of_base(base: EmbeddingModel, tap: str) -> list[Span]:
    """What each encoder of a joint brings; a base that is no joint is one span."""
    parts = base.spec.get("options", {}).get("parts")
    if base.spec["family"] != "joint":
        dim = next(entry["dim"] for entry in base.spec["taps"] if entry["name"] == tap)
        return [Span(base.name, 0, dim)]
    models = {model.fingerprint: model for model in EmbeddingModel.objects.order_by("-pk")}
    spans, start = [], 0
    for part in parts:
        stop = start + part["stop"] - part["start"]
        spans.append(Span(_name_of(part, models.get(part["fingerprint"])), start, stop))
        start = stop
    return spans


def _name_of(part: Mapping[str, Any], model: EmbeddingModel | None) -> str:
    """The encoder and its tap, or the block of it."""
    if model is None:
        return f"gone.{part['tap']}[{part['start']}:{part['stop']}]"
    blocks = blocks_of(EncoderSpec.from_json(model.spec))
    block = next((name for name, place in blocks.items() if place == (part["start"], part["stop"])), part["tap"])
    return f"{model.name}.{block}"


def _rivals_of_study(study: Study, items: Sequence[int], *, every: bool) -> Iterator[Rival]:
    """The study's contenders, the leader first; with `every`, also registered embeddings that never competed."""
    update_sums(study)
    rank_of = {line.contender: number for number, line in enumerate(board_of(study).standings)}
    contenders = Contender.objects.filter(study=study, embedding__isnull=False).select_related("embedding__model")
    seen: set[tuple[int, str]] = set()
    for contender in sorted(contenders, key=lambda one: rank_of.get(one.name, len(rank_of))):
        if contender.embedding is not None and is_metric(contender.metric):
            seen.add((contender.embedding.pk, contender.metric))
            yield from _rival_with_vectors(contender.name, contender.embedding, contender.metric, items, competed=True)
    if every:
        others = Embedding.objects.filter(catalogue=study.catalogue).select_related("model")
        for embedding in others:
            if embedding.model.spec["family"] != "joint" and (embedding.pk, "cosine") not in seen:
                name = f"{embedding.model.name}.{embedding.tap}:cosine"
                yield from _rival_with_vectors(name, embedding, "cosine", items, competed=False)


def _rival_with_vectors(
    name: str, embedding: Embedding, metric: Metric, items: Sequence[int], *, competed: bool
) -> Iterator[Rival]:
    """None where an item has no vector of it: it could not be compared on the same votes."""
    folder = embeddings.folder_of(embedding.model, embedding.tap)
    keys = [content.key for content in embeddings.contents(embedding.model, items)]
    if len(keys) == len(items) and not folder.missing(keys):
        yield Rival(name, metric, folder.reader(keys), competed)


__all__ = ["cut_pieces", "data_of", "embed_piece", "study_of"]
